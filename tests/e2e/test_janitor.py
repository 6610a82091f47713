"""The janitor as a process, on whatever cluster the suite was given; always confined to namespaces that the suite made."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.errors import NotFound
from shared.kinds import CONFIG_MAPS, CRON_JOBS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS, SECRETS
from shared.times import format_timestamp

PAST = "2020-01-01T00:00:00Z"


def exists(access: Any, resource: Any, namespace: str, name: str) -> bool:
    """Whether the object is there and not on its way out."""
    try:
        return "deletionTimestamp" not in access.read(resource, namespace, name)["metadata"]
    except NotFound:
        return False


def config_map(access: Any, namespace: str, name: str, **annotations: str) -> None:
    own = {key.replace("_", "/", 1).replace("_", "-"): value for key, value in annotations.items()}
    meta = {"name": name, "namespace": namespace, "annotations": own}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}}
    access.client.create(CONFIG_MAPS, namespace, body)


def janitor(access: Any, namespace: str, *argv: str) -> Any:
    return access.run("janitor.main", "--once", f"--include-namespaces={namespace}", *argv)


def test_what_is_due_goes_and_the_rest_stays(cluster_access: Any) -> None:
    namespace = cluster_access.namespace()
    config_map(cluster_access, namespace, "old", janitor_expires=PAST)
    config_map(cluster_access, namespace, "young", janitor_ttl="7d")
    config_map(cluster_access, namespace, "safe", janitor_expires=PAST, janitor_protected="true")
    config_map(cluster_access, namespace, "bad", janitor_ttl="0s")

    result = janitor(cluster_access, namespace)

    assert result.returncode == 0, result.stderr
    assert [exists(cluster_access, CONFIG_MAPS, namespace, name) for name in ("old", "young", "safe", "bad")] == [
        False,
        True,
        True,
        True,
    ]
    assert f"configmaps {namespace}/bad: janitor/ttl='0s' is not understood" in result.stderr


def test_a_dry_run_changes_nothing(cluster_access: Any) -> None:
    namespace = cluster_access.namespace()
    config_map(cluster_access, namespace, "old", janitor_expires=PAST)

    result = janitor(cluster_access, namespace, "--dry-run")

    assert result.returncode == 0, result.stderr
    assert "DRY RUN" in result.stderr
    assert exists(cluster_access, CONFIG_MAPS, namespace, "old")


def test_a_plan_that_the_server_has_checked(cluster_access: Any) -> None:
    namespace = cluster_access.namespace()
    config_map(cluster_access, namespace, "old", janitor_expires=PAST)

    result = cluster_access.run("janitor.main", "plan", "-o", "json", "--check", f"--include-namespaces={namespace}")

    row = json.loads(result.stdout.splitlines()[0])
    assert result.returncode == 2, result.stderr
    assert (row["name"], row["action"], row["result"]) == ("old", "delete", "would-delete")
    assert exists(cluster_access, CONFIG_MAPS, namespace, "old")


def test_an_unused_claim_goes_and_one_that_a_pod_names_stays(cluster_access: Any, tmp_path: Path) -> None:
    namespace = cluster_access.namespace()
    for name in ("used", "unused"):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": "none-such"}
        cluster_access.create(PERSISTENT_VOLUME_CLAIMS, namespace, name, spec)
    template = {"spec": {"containers": [{"name": "main", "image": "example.org/main:1"}], "restartPolicy": "Never"}}
    template["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "used"}}]  # type: ignore[assignment]
    cron = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": template}}}
    cluster_access.create(CRON_JOBS, namespace, "yearly", cron)
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules:\n- id: unused\n  resources: [persistentvolumeclaims]\n  jmespath: _context.pvc_is_not_referenced\n  ttl: 1s\n"
    )
    # More than the TTL has to pass on a clock that is not ours.
    SystemClock().sleep(3)

    result = janitor(cluster_access, namespace, f"--rules-file={rules}", "--include-resources=persistentvolumeclaims")

    assert result.returncode == 0, result.stderr
    assert exists(cluster_access, PERSISTENT_VOLUME_CLAIMS, namespace, "used")
    assert not exists(cluster_access, PERSISTENT_VOLUME_CLAIMS, namespace, "unused")


def test_backups_can_be_restored(cluster_access: Any, tmp_path: Path) -> None:
    namespace = cluster_access.namespace()
    config_map(cluster_access, namespace, "old", janitor_expires=PAST)
    backup = f"--backup={tmp_path}/backups"
    assert janitor(cluster_access, namespace, backup).returncode == 0
    assert not exists(cluster_access, CONFIG_MAPS, namespace, "old")

    result = cluster_access.run("janitor.main", "restore", backup, f"configmaps/{namespace}/old")

    assert result.returncode == 0, result.stderr
    assert cluster_access.read(CONFIG_MAPS, namespace, "old")["data"] == {"a": "b"}
    assert janitor(cluster_access, namespace).returncode == 0
    assert exists(cluster_access, CONFIG_MAPS, namespace, "old")


def test_a_secret_is_kept_without_a_key(cluster_access: Any, tmp_path: Path) -> None:
    namespace = cluster_access.namespace()
    meta = {"name": "key", "namespace": namespace, "annotations": {"janitor/expires": PAST}}
    cluster_access.client.create(SECRETS, namespace, {"apiVersion": "v1", "kind": "Secret", "metadata": meta})

    result = janitor(cluster_access, namespace, f"--backup={tmp_path}/backups")

    assert result.returncode == 1
    assert "--backup-key-file" in result.stderr
    assert exists(cluster_access, SECRETS, namespace, "key")


def test_an_owner_is_warned_and_may_extend(cluster_access: Any) -> None:
    namespace = cluster_access.namespace()
    config_map(cluster_access, namespace, "old", janitor_expires=PAST)

    assert janitor(cluster_access, namespace, "--delete-notification=1h").returncode == 0
    assert cluster_access.read(CONFIG_MAPS, namespace, "old")["metadata"]["annotations"]["janitor/notified"].endswith(
        f"for {PAST}"
    )
    assert cluster_access.run("janitor.main", "extend", "cm", namespace, "old", "2d").returncode == 0
    assert janitor(cluster_access, namespace).returncode == 0
    assert exists(cluster_access, CONFIG_MAPS, namespace, "old")
    explained = cluster_access.run("janitor.main", "explain", "cm", namespace, "old")
    assert "(extended)" in explained.stdout


def test_an_expired_namespace_goes_with_everything_in_it(cluster_access: Any) -> None:
    namespace = cluster_access.namespace(**{"janitor/expires": PAST})
    config_map(cluster_access, namespace, "inside")

    result = janitor(cluster_access, namespace)

    assert result.returncode == 0, result.stderr
    assert not exists(cluster_access, NAMESPACES, "", namespace)


def test_a_broken_rules_file_is_one_line_and_the_rest_goes_on(cluster_access: Any, tmp_path: Path) -> None:
    namespace = cluster_access.namespace()
    config_map(cluster_access, namespace, "old", janitor_expires=PAST)
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n- id: a\n  resources: [configmaps]\n  jmespath: ']'\n  ttl: 1h\n")

    result = janitor(cluster_access, namespace, f"--rules-file={rules}")

    assert result.returncode == 1
    assert sum("rules.yaml:4: jmespath" in line for line in result.stderr.splitlines()) == 1
    assert not exists(cluster_access, CONFIG_MAPS, namespace, "old")


@pytest.mark.parametrize("end", [timedelta(hours=1), timedelta(days=1)])
def test_what_ends_later_is_in_the_plan(cluster_access: Any, end: timedelta) -> None:
    namespace = cluster_access.namespace()
    at = format_timestamp(datetime.fromisoformat("2099-01-01T00:00:00+00:00") + end)
    config_map(cluster_access, namespace, "later", janitor_expires=at)

    result = cluster_access.run("janitor.main", "plan", "--horizon=9999w", "-o", "json", f"--include-namespaces={namespace}")

    assert json.loads(result.stdout.splitlines()[0])["due"] == at
