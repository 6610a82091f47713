"""The command line of the janitor: every flag of kube-janitor under its name, environment variable and default, and the new ones.

The only place that turns flags, environment and small files into a Config.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from janitor.annotations import DIALECTS, keys_for
from janitor.breaker import Limits
from janitor.config import (
    ALL,
    DEFAULT_EXCLUDED_NAMESPACES,
    DEFAULT_EXCLUDED_RESOURCES,
    Backup,
    Config,
    Scope,
    Telling,
    scope_of,
)
from janitor.names import ResourceNames, resource_names
from janitor.policy import Policy
from janitor.protect import Pattern, Protection, parse_pattern
from janitor.selectors import Selector, parse_selector
from shared.errors import UsageError, ValueProblem
from shared.filters import split_list
from shared.flags import FlagParser, Flags, add_common_flags, env_flag, number, seconds, switch, whole
from shared.kubeconfig import SERVICE_ACCOUNT
from shared.names import check_name, check_namespace
from shared.times import parse_duration

PROG = "kube-janitor"
DESCRIPTION = "Deletes Kubernetes objects whose TTL or expiry has passed."
DEFAULT_LOG_FORMAT = "%(asctime)s %(levelname)s: %(message)s"
ACCEPTED_STATE = "NAMESPACE/NAME of a ConfigMap, or none"
NO_STATE = "none"


def janitor_parser(prog: str = PROG, description: str = DESCRIPTION) -> FlagParser:
    """A parser with all flags; subcommands add their own arguments to it."""
    parser = FlagParser(prog, description)
    add_common_flags(parser, component=PROG)
    _scope_flags(parser)
    _lifetime_flags(parser)
    _safety_flags(parser)
    _backup_flags(parser)
    _telling_flags(parser)
    return parser


def _scope_flags(parser: FlagParser) -> None:
    env_flag(
        parser,
        "--include-resources",
        env="INCLUDE_RESOURCES",
        type=split_list,
        default=(ALL,),
        help="resources to clean up, or all",
    )
    env_flag(
        parser,
        "--exclude-resources",
        env="EXCLUDE_RESOURCES",
        type=split_list,
        default=DEFAULT_EXCLUDED_RESOURCES,
        help="resources never touched; all: everything that is not named in --include-resources",
    )
    env_flag(
        parser,
        "--include-namespaces",
        env="INCLUDE_NAMESPACES",
        type=split_list,
        default=(ALL,),
        help="namespaces to clean up, or all",
    )
    env_flag(
        parser,
        "--exclude-namespaces",
        env="EXCLUDE_NAMESPACES",
        type=split_list,
        default=DEFAULT_EXCLUDED_NAMESPACES,
        help="namespaces never touched; all: everything that is not named in --include-namespaces",
    )
    env_flag(parser, "--namespace-selector", type=parse_selector, default=Selector(), help="only namespaces with these labels")
    switch(parser, "--include-cluster-resources", help="clean up cluster-scoped resources too")
    env_flag(
        parser,
        "--annotation-resources",
        type=_resources,
        default=(ALL,),
        help="resources on which annotations count; with rules alone for the others, what no rule covers is not even listed",
    )
    env_flag(parser, "--parallelism", type=whole(1, 64), default=4, help="lists under way at the same time")


def _lifetime_flags(parser: FlagParser) -> None:
    env_flag(parser, "--rules-file", env="RULES_FILE", help="YAML file with rules; read again when it changes")
    env_flag(
        parser,
        "--delete-notification",
        type=seconds,
        default=0.0,
        help="seconds before its end at which an owner is warned; nothing is deleted without that warning",
    )
    env_flag(
        parser,
        "--deployment-time-annotation",
        type=split_list,
        default=(),
        help="annotations with a later time from which a TTL counts",
    )
    env_flag(
        parser, "--resource-context-hook", env="RESOURCE_CONTEXT_HOOK", help="dotted path of a function that adds to _context"
    )
    env_flag(parser, "--ttl-label", type=split_list, default=(), help="labels that give a TTL as janitor/ttl does")
    env_flag(
        parser,
        "--also-read",
        type=_dialects,
        default=(),
        help=f"other tools whose annotations count: {', '.join(sorted(DIALECTS))}",
    )
    env_flag(parser, "--quarantine", type=_length, default=timedelta(0), help="mark what is due and delete it this long after")
    env_flag(parser, "--rule-soak", type=_length, default=timedelta(0), help="a new or edited rule acts only after this long")
    env_flag(parser, "--max-lifetime", type=_length, default=None, help="extensions end this long after creation")
    switch(parser, "--include-owned", help="also delete objects that have a controller, such as the Pods of a ReplicaSet")
    switch(parser, "--delete-managed", help="let rules delete single objects of Helm releases, Argo CD and Flux")


def _safety_flags(parser: FlagParser) -> None:
    limits = Limits()
    env_flag(
        parser,
        "--protect",
        type=_patterns,
        default=(),
        help="NAMESPACE, NAMESPACE/NAME or RESOURCE/NAMESPACE/NAME, never deleted",
    )
    env_flag(
        parser,
        "--breaker-rule-deletions",
        type=whole(0),
        default=limits.per_rule,
        help="a rule that would delete more in the window deletes nothing; 0: no limit",
    )
    env_flag(
        parser,
        "--breaker-deletions",
        type=whole(0),
        default=limits.per_pass,
        help="a turn that would delete more in the window deletes nothing; 0: no limit",
    )
    env_flag(
        parser,
        "--breaker-percent",
        type=number(0),
        default=limits.percent,
        help="a rule that would delete more than this part of a type in one turn deletes nothing; 0: no limit",
    )
    env_flag(
        parser,
        "--breaker-min-sample",
        type=whole(0),
        default=limits.min_sample,
        help="objects a type has before its percentage counts",
    )
    env_flag(parser, "--breaker-window", type=_length, default=limits.window, help="time over which deletions are counted")
    env_flag(parser, "--wait-after-delete", type=seconds, default=0.0, help="seconds to wait after every deletion")
    env_flag(
        parser, "--max-deletes-per-minute", type=number(0), default=0.0, help="deletions per minute; the rest waits; 0: no limit"
    )
    switch(parser, "--evict-pods", help="evict Pods instead of deleting them, so that disruption budgets count")
    env_flag(parser, "--state", type=_state, help="ConfigMap NAMESPACE/NAME for what has to outlive the process, or none")


def _backup_flags(parser: FlagParser) -> None:
    backup = Backup("")
    env_flag(
        parser,
        "--backup",
        env="BACKUP",
        help="where manifests are kept before deletion: a directory, s3://BUCKET/PREFIX, configmap:NAMESPACE",
    )
    env_flag(parser, "--backup-retention", type=_length, default=backup.retention, help="how long backups are kept")
    env_flag(
        parser, "--backup-max-size", type=whole(1), default=backup.max_bytes, help="bytes that backups in ConfigMaps may take"
    )
    env_flag(parser, "--backup-key-file", env="BACKUP_KEY_FILE", help="file with the key that encrypts Secrets in backups")
    env_flag(
        parser,
        "--backup-secrets",
        choices=("refuse", "skip"),
        default=backup.secrets,
        help="Secrets without a key: refuse to delete them, or skip their backup",
    )


def _telling_flags(parser: FlagParser) -> None:
    telling = Telling()
    env_flag(parser, "--webhook-url", env="WEBHOOK_URL", help="URL that is told what is warned about and deleted")
    env_flag(
        parser, "--webhook-format", choices=("message", "slack", "template"), default=telling.form, help="body of the webhook"
    )
    env_flag(parser, "--webhook-template", help="file with a jinja2 template of the body")
    env_flag(parser, "--webhook-secret-file", help="file with the key of the header X-Janitor-Signature (HMAC-SHA256)")
    env_flag(parser, "--webhook-timeout", type=seconds, default=telling.timeout, help="seconds until the webhook has to answer")
    env_flag(parser, "--webhook-owner", help="label or annotation that names whom to tell; one message for each")
    env_flag(parser, "--context-name", env="CONTEXT_NAME", help="name of the cluster in messages")
    env_flag(parser, "--audit-log", help="file for one JSON line per decision, or - for standard output")
    env_flag(
        parser,
        "--deployment-name",
        env="JANITOR_DEPLOYMENT",
        default=Config().deployment,
        help="Deployment that gets breaker events",
    )
    switch(parser, "-q", "--quiet", help="no summary after each turn")
    env_flag(parser, "--log-format", default=DEFAULT_LOG_FORMAT, help="format of log lines, as Python's logging reads it")


# ---- from flags to values


def config_from(flags: Flags, environ: Mapping[str, str] | None = None) -> Config:
    """Raises UsageError in one line for what only shows when flags are seen together, or for a file that cannot be read."""
    own = own_namespace(os.environ if environ is None else environ)
    return Config(
        policy=_policy(flags, own),
        scope=_scope(flags),
        limits=Limits(
            flags.breaker_rule_deletions,
            flags.breaker_deletions,
            flags.breaker_percent,
            flags.breaker_min_sample,
            flags.breaker_window,
        ),
        backup=_backup(flags),
        telling=_telling(flags),
        rules_file=flags.rules_file,
        hook=flags.resource_context_hook,
        wait_after_delete=flags.wait_after_delete,
        max_deletes_per_minute=flags.max_deletes_per_minute,
        evict=flags.evict_pods,
        state=_state_place(flags.state, own),
        deployment=flags.deployment_name,
        audit_log=flags.audit_log or "",
        quiet=flags.quiet,
        list_workers=flags.parallelism,
        own_namespace=own,
    )


def own_namespace(environ: Mapping[str, str], folder: str = SERVICE_ACCOUNT) -> str:
    """The namespace this pod runs in; empty outside a cluster."""
    if environ.get("POD_NAMESPACE"):
        return environ["POD_NAMESPACE"]
    try:
        return (Path(folder) / "namespace").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _policy(flags: Flags, own: str) -> Policy:
    return Policy(
        keys=keys_for(flags.also_read, ttl_labels=flags.ttl_label, starts=flags.deployment_time_annotation),
        protection=Protection(flags.protect, own),
        notification=timedelta(seconds=flags.delete_notification),
        quarantine=flags.quarantine,
        soak=flags.rule_soak,
        longest_life=flags.max_lifetime,
        include_owned=flags.include_owned,
        delete_managed=flags.delete_managed,
        manager=PROG,
    )


def _scope(flags: Flags) -> Scope:
    lists = scope_of(flags.include_resources, flags.exclude_resources, flags.include_namespaces, flags.exclude_namespaces)
    annotated: ResourceNames | None = None if ALL in flags.annotation_resources else resource_names(flags.annotation_resources)
    return replace(
        lists,
        namespace_selector=flags.namespace_selector,
        cluster_scoped=flags.include_cluster_resources,
        annotated=annotated,
    )


def _backup(flags: Flags) -> Backup | None:
    if not flags.backup:
        return None
    key = _secret_file("--backup-key-file", flags.backup_key_file)
    return Backup(flags.backup, flags.backup_retention, flags.backup_max_size, key, flags.backup_secrets)


def _telling(flags: Flags) -> Telling:
    form = flags.webhook_format
    if flags.webhook_template and flags.sources.get("webhook_format") == "default":
        form = "template"
    if form == "template" and not flags.webhook_template:
        raise UsageError("--webhook-format template needs --webhook-template")
    return Telling(
        webhook_url=flags.webhook_url or "",
        form=form,
        template=_text_file("--webhook-template", flags.webhook_template),
        secret=_secret_file("--webhook-secret-file", flags.webhook_secret_file),
        context_name=flags.context_name or "",
        owner_key=flags.webhook_owner or "",
        timeout=flags.webhook_timeout,
    )


def _state_place(value: tuple[str, str] | str | None, own: str) -> tuple[str, str] | None:
    if isinstance(value, tuple):
        return value
    return (own, f"{PROG}-state") if value is None and own else None


def _text_file(flag: str, path: str | None) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{flag} {path}: {error}") from None


def _secret_file(flag: str, path: str | None) -> str:
    text = _text_file(flag, path).strip()
    if path and not text:
        raise UsageError(f"{flag} {path}: the file is empty")
    return text


def _resources(text: str) -> tuple[str, ...]:
    return split_list(text)


def _dialects(text: str) -> tuple[str, ...]:
    names = split_list(text)
    keys_for(names)
    return names


def _patterns(text: str) -> tuple[Pattern, ...]:
    return tuple(parse_pattern(item) for item in split_list(text))


def _length(text: str) -> timedelta:
    return parse_duration(text)


def _state(text: str) -> tuple[str, str] | str:
    if text.strip() == NO_STATE:
        return NO_STATE
    namespace, sign, name = text.strip().partition("/")
    if not sign:
        raise ValueProblem(text, ACCEPTED_STATE)
    return check_namespace(namespace), check_name(name)


def add_object_arguments(parser: argparse.ArgumentParser) -> None:
    """KIND NAMESPACE NAME, as `explain` and `extend` take them; `-` for the namespace of a cluster-scoped object."""
    parser.add_argument("kind", metavar="KIND", help="plural, kind or short name")
    parser.add_argument("namespace", metavar="NAMESPACE", help="namespace, or - for a cluster-scoped object")
    parser.add_argument("name", metavar="NAME")
