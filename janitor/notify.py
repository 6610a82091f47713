"""Tells people: Kubernetes events, and one webhook message per turn and owner. What a receiver does wrong never stops a turn."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests

from janitor.annotations import QUARANTINED
from janitor.apply import Outcome, Result
from janitor.breaker import Trip
from janitor.collect import Judged
from janitor.config import Telling
from janitor.decide import Notify
from janitor.expiry import Trigger
from shared.cluster import Cluster
from shared.errors import ThriftError, UsageError, shorten
from shared.events import event_body
from shared.kinds import DEPLOYMENTS
from shared.objects import Meta, Object

COMPONENT = "kube-janitor"
# Messages that could not be sent wait for the next turns; the oldest go first when a receiver stays away.
_QUEUE = 100
# Slack refuses longer texts in one block.
_BLOCK = 2900
_MOST_LINES = 50


def event_of(outcome: Outcome, now: datetime) -> dict[str, object] | None:
    """The event for what happened to one object; None where nothing is worth one. Reasons are those of kube-janitor."""
    one = outcome.judged
    due = one.due
    if due is None:
        return None
    if outcome.result is Result.NOTIFIED:
        quarantine = isinstance(one.decision, Notify) and one.decision.key == QUARANTINED
        reason = "Quarantined" if quarantine else "DeleteNotification"
        text = f"{one} will be deleted: {due}"
    elif outcome.result is Result.DELETED:
        reason = "ExpiryTimeReached" if due.trigger is Trigger.EXPIRES else "TimeToLiveExpired"
        text = f"{one} was deleted: {due}"
    elif outcome.result is Result.FAILED:
        body = f"{one} is due but was not deleted: {outcome.detail}"
        return event_body(
            component=COMPONENT, obj=one.obj, resource=one.resource, reason="DeleteFailed", message=body, now=now, kind="Warning"
        )
    else:
        return None
    return event_body(component=COMPONENT, obj=one.obj, resource=one.resource, reason=reason, message=text, now=now)


def events_of_problems(
    judged: Iterable[Judged], once: Callable[[str], bool], now: datetime
) -> Iterable[tuple[str, dict[str, object]]]:
    """One Warning per unreadable annotation, once: `(line for the log, event)`."""
    for one in judged:
        for problem in one.decision.problems:
            line = f"{one}: {problem}"
            if once(line):
                yield (
                    line,
                    event_body(
                        component=COMPONENT,
                        obj=one.obj,
                        resource=one.resource,
                        reason="UnreadableAnnotation",
                        message=f"{problem}; the object is kept",
                        now=now,
                        kind="Warning",
                    ),
                )


def event_of_trip(trip: Trip, namespace: str, deployment: str, now: datetime) -> dict[str, object]:
    """A Warning on the janitor's own Deployment."""
    obj = Object(metadata=Meta(name=deployment, namespace=namespace))
    return event_body(
        component=COMPONENT, obj=obj, resource=DEPLOYMENTS, reason="BreakerOpen", message=str(trip), now=now, kind="Warning"
    )


@dataclass(frozen=True)
class Message:
    """What one owner is told about one turn. `owner` is empty where nobody is named."""

    owner: str
    lines: tuple[str, ...]
    items: tuple[Mapping[str, str], ...] = ()


def messages_of(outcomes: Iterable[Outcome], trips: Iterable[Trip], telling: Telling) -> list[Message]:
    """A digest per owner; no message where nothing happened."""
    per_owner: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.result in _TOLD and outcome.judged.due is not None:
            per_owner.setdefault(_owner(outcome.judged.obj.metadata, telling.owner_key), []).append(outcome)
    lines = [str(trip) for trip in trips]
    if lines:
        per_owner.setdefault("", [])
    return [
        Message(owner, tuple([_line(one) for one in told] + (lines if not owner else [])), tuple(_item(one) for one in told))
        for owner, told in per_owner.items()
    ]


_TOLD = {
    Result.NOTIFIED: "will be deleted",
    Result.DELETED: "was deleted",
    Result.FAILED: "could not be deleted",
    Result.WOULD_DELETE: "would be deleted (dry run)",
    Result.WOULD_NOTIFY: "would be announced (dry run)",
}


def _owner(meta: Meta, key: str) -> str:
    return shorten((meta.annotation(key) or meta.label(key) or "") if key else "", 200)


def _line(outcome: Outcome) -> str:
    one = outcome.judged
    text = f"{one.resource.kind} {one.obj.key} {_TOLD[outcome.result]}: {one.due}"
    if outcome.result is Result.FAILED:
        text += f" ({shorten(outcome.detail, 200)})"
    return text + (f" (backup {outcome.backup})" if outcome.backup else "")


def _item(outcome: Outcome) -> dict[str, str]:
    """What templates see of one object."""
    one = outcome.judged
    return {
        "kind": one.resource.kind,
        "resource": one.resource.name,
        "namespace": one.obj.namespace,
        "name": one.obj.name,
        "result": outcome.result.value,
        "trigger": one.due.trigger.value if one.due else "",
        "rule": one.due.rule if one.due else "",
        "due": one.due.at.isoformat() if one.due else "",
        "backup": outcome.backup,
        "detail": outcome.detail,
    }


def payload(message: Message, telling: Telling) -> bytes:
    """The body to post: `{"message": ...}` as ever, Slack blocks, or what a template makes of it. Raises UsageError for a bad
    template.
    """
    prefix = f"[{telling.context_name}] " if telling.context_name else ""
    lines = [prefix + line for line in message.lines[:_MOST_LINES]]
    if len(message.lines) > _MOST_LINES:
        lines.append(f"{prefix}and {len(message.lines) - _MOST_LINES} more")
    text = "\n".join(lines)
    if telling.form == "slack":
        return json.dumps(_slack(text, message.owner)).encode()
    if telling.form == "template":
        return _rendered(
            telling.template, {"text": text, "owner": message.owner, "context": telling.context_name, "items": message.items}
        )
    return json.dumps({"message": text}).encode()


def _slack(text: str, owner: str) -> dict[str, Any]:
    # Slack's own three escapes: whatever else a tenant writes into a name is then plain text, also <!channel>.
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    blocks: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": "kube-janitor"}}]
    for start in range(0, len(safe), _BLOCK):
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": safe[start : start + _BLOCK], "verbatim": True}})
    body: dict[str, Any] = {"text": safe[:_BLOCK], "blocks": blocks}
    if owner.startswith(("#", "@")):
        body["channel"] = owner
    return body


def _rendered(template: str, values: Mapping[str, Any]) -> bytes:
    # jinja2 is imported only by who uses templates: it is a third of the daemon's start-up memory.
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    try:
        return environment.from_string(template).render(values).encode()
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise UsageError(f"--webhook-template: {type(error).__name__}: {' '.join(str(error).split())}") from None


@dataclass
class Teller:
    """Sends messages to the webhook; keeps those that could not be sent for the next turn. `post` is requests.post, or a test's
    own.
    """

    telling: Telling
    post: Callable[..., Any] = requests.post
    waiting: deque[bytes] = field(default_factory=lambda: deque(maxlen=_QUEUE))

    def tell(self, messages: Iterable[Message]) -> str:
        """Returns one line where the receiver is down or refuses; the rest of the queue then waits."""
        if not self.telling.webhook_url:
            return ""
        try:
            self.waiting.extend(payload(message, self.telling) for message in messages)
        except ThriftError as problem:
            return str(problem)
        while self.waiting:
            problem_line = self._send(self.waiting[0])
            if problem_line:
                return problem_line
            self.waiting.popleft()
        return ""

    def _send(self, body: bytes) -> str:
        headers = {"Content-Type": "application/json", "User-Agent": COMPONENT}
        if self.telling.secret:
            digest = hmac.new(self.telling.secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Janitor-Signature"] = f"sha256={digest}"
        try:
            answer = self.post(
                self.telling.webhook_url, data=body, headers=headers, timeout=self.telling.timeout, allow_redirects=False
            )
        except (requests.RequestException, ValueError) as error:
            # The address may hold a token, so messages name only the kind of trouble.
            return f"webhook: no answer ({type(error).__name__}); {len(self.waiting)} messages wait for the next turn"
        status = int(answer.status_code)
        if status >= 500 or status == 429:
            return f"webhook: answered {status}; {len(self.waiting)} messages wait for the next turn"
        if status >= 300:
            # A refusal will be repeated for the same body for ever.
            self.waiting.popleft()
            return f"webhook: refused a message with status {status}"
        return ""


def emit_all(cluster: Cluster, events: Iterable[dict[str, object] | None]) -> None:
    for event in events:
        if event is not None:
            cluster.emit(event)
