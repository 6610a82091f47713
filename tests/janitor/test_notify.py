from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from janitor.annotations import NOTIFIED, QUARANTINED, Problem
from janitor.apply import Outcome, Result
from janitor.breaker import Trip
from janitor.collect import Judged
from janitor.config import Telling
from janitor.decide import Decision, Delete, Keep, Notify, Why
from janitor.expiry import Due, Trigger
from janitor.notify import Message, Teller, event_of, event_of_trip, events_of_problems, messages_of, payload
from janitor.policy import NO_TIME
from shared.errors import UsageError
from shared.kinds import CONFIG_MAPS
from shared.objects import Meta, Object

NOW = datetime(2026, 3, 23, 10, tzinfo=UTC)
DUE = Due(NOW, Trigger.RULE, "no-app")
EXPIRED = Due(NOW, Trigger.EXPIRES, "janitor/expires")
DELETE = Delete(DUE)
TRIP = Trip("no-app", 200, "100", NOW)


def outcome(result: Result, decision: Decision = DELETE, **annotations: str) -> Outcome:
    meta = Meta(name="web", namespace="shop", annotations=annotations)
    return Outcome(Judged(CONFIG_MAPS, Object(metadata=meta), decision), result, "detail")


@pytest.mark.parametrize(
    ("given", "reason", "kind"),
    [
        (outcome(Result.DELETED), "TimeToLiveExpired", "Normal"),
        (outcome(Result.DELETED, Delete(EXPIRED)), "ExpiryTimeReached", "Normal"),
        (outcome(Result.NOTIFIED, Notify(DUE, NOTIFIED, NO_TIME)), "DeleteNotification", "Normal"),
        (outcome(Result.NOTIFIED, Notify(DUE, QUARANTINED, NO_TIME)), "Quarantined", "Normal"),
        (outcome(Result.FAILED), "DeleteFailed", "Warning"),
    ],
)
def test_events(given: Outcome, reason: str, kind: str) -> None:
    event = event_of(given, NOW)

    assert event is not None
    assert (event["reason"], event["type"]) == (reason, kind)


@pytest.mark.parametrize("given", [outcome(Result.GONE), outcome(Result.WOULD_DELETE), outcome(Result.FAILED, Keep(Why.UNDATED))])
def test_what_is_worth_no_event(given: Outcome) -> None:
    assert event_of(given, NOW) is None


def test_an_unreadable_value_is_said_once() -> None:
    one = Judged(
        CONFIG_MAPS, Object(metadata=Meta(name="a")), Keep(Why.UNREADABLE, problems=(Problem("janitor/ttl", "x", "7d"),))
    )
    said: set[str] = set()

    def once(line: str) -> bool:
        fresh = line not in said
        said.add(line)
        return fresh

    first, again = (list(events_of_problems([one], once, NOW)) for _ in range(2))

    assert first[0][0] == "configmaps a: janitor/ttl='x' is not understood; accepted: 7d"
    assert first[0][1]["reason"] == "UnreadableAnnotation"
    assert again == []


def test_a_trip_is_an_event_on_the_janitors_deployment() -> None:
    event = event_of_trip(TRIP, "tools", "kube-janitor", NOW)

    assert event["involvedObject"]["kind"] == "Deployment"  # type: ignore[index]
    assert event["type"] == "Warning"


def test_a_digest_per_owner_and_nothing_where_nothing_happened() -> None:
    outcomes = [
        outcome(Result.DELETED, team="#a"),
        outcome(Result.NOTIFIED, team="#b"),
        outcome(Result.RESCUED),
        outcome(Result.GONE),
    ]

    messages = messages_of(outcomes, [TRIP], Telling(owner_key="team"))

    assert [message.owner for message in messages] == ["#a", "#b", ""]
    assert messages[2].lines == (str(TRIP),)
    assert messages[0].lines == (f"ConfigMap shop/web was deleted: {DUE}",)
    assert messages_of([], [], Telling()) == []
    assert len(messages_of(outcomes, [], Telling())) == 1


def test_a_failure_and_a_backup_are_named() -> None:
    kept = replace(outcome(Result.DELETED), backup="b-1")

    lines = messages_of([outcome(Result.FAILED), kept], [], Telling())[0].lines

    assert lines[0].endswith("(detail)")
    assert lines[1].endswith("(backup b-1)")


MESSAGE = Message("#team", ("one <!channel>", "two"), ({"name": "web"},))


def test_the_old_payload_with_the_name_of_the_cluster() -> None:
    assert json.loads(payload(MESSAGE, Telling(context_name="prod"))) == {"message": "[prod] one <!channel>\n[prod] two"}


def test_many_lines_are_counted_not_sent() -> None:
    text = json.loads(payload(Message("", tuple("x" * 60)), Telling()))["message"]

    assert text.count("\n") == 50
    assert text.endswith("and 10 more")


def test_slack_blocks_let_nobody_call_a_channel() -> None:
    body = json.loads(payload(MESSAGE, Telling(form="slack")))

    assert body["channel"] == "#team"
    assert body["blocks"][1]["text"]["text"] == "one &lt;!channel&gt;\ntwo"
    assert "channel" not in json.loads(payload(Message("web", ("a",)), Telling(form="slack")))


def test_a_template_of_ones_own() -> None:
    template = '{"cluster": {{ context | tojson }}, "names": [{% for item in items %}{{ item.name | tojson }}{% endfor %}]}'

    assert json.loads(payload(MESSAGE, Telling(form="template", template=template, context_name="prod"))) == {
        "cluster": "prod",
        "names": ["web"],
    }


@pytest.mark.parametrize("template", ["{{ nothing }}", "{% if", "{{ ''.__class__.__mro__ }}", "{{ 1 / 0 }}"])
def test_a_template_that_fails_is_one_line(template: str) -> None:
    with pytest.raises(UsageError, match="--webhook-template"):
        payload(MESSAGE, Telling(form="template", template=template))


@dataclass
class Receiver:
    """A webhook's receiver: answers with these statuses in turn (an exception: no answer), and remembers what it got."""

    answers: list[int | Exception]
    got: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, url: str, **arguments: Any) -> requests.Response:
        self.got.append({"url": url, **arguments})
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code = answer
        return response


URL = "https://hooks.example.org/secret-token"


def teller(*answers: int | Exception, **telling: Any) -> tuple[Teller, Receiver]:
    receiver = Receiver(list(answers))
    return Teller(Telling(webhook_url=URL, **telling), receiver), receiver


def test_a_message_is_posted_with_a_timeout_and_a_signature() -> None:
    sender, receiver = teller(secret="key")

    assert sender.tell([MESSAGE]) == ""
    sent = receiver.got[0]
    assert (sent["url"], sent["timeout"], sent["allow_redirects"]) == (URL, 5.0, False)
    assert sent["headers"]["X-Janitor-Signature"] == "sha256=" + hmac.new(b"key", sent["data"], hashlib.sha256).hexdigest()


def test_without_an_address_nothing_is_sent() -> None:
    receiver = Receiver([])

    assert Teller(Telling(), receiver).tell([MESSAGE]) == ""
    assert receiver.got == []


@pytest.mark.parametrize("answer", [requests.ConnectionError(URL), requests.Timeout(URL), 500, 429])
def test_a_receiver_that_is_down_is_one_line_without_the_address_and_the_message_waits(answer: int | Exception) -> None:
    sender, receiver = teller(answer)

    line = sender.tell([MESSAGE])

    assert line.startswith("webhook: ")
    assert "secret-token" not in line
    assert "1 messages wait" in line
    assert sender.tell([]) == ""
    assert len(receiver.got) == 2


def test_a_message_that_is_refused_is_dropped() -> None:
    sender, receiver = teller(400)

    assert sender.tell([MESSAGE]) == "webhook: refused a message with status 400"
    assert sender.tell([]) == ""
    assert len(receiver.got) == 1


def test_a_bad_template_does_not_stop_what_waits() -> None:
    sender, _ = teller(form="template", template="{{ nothing }}")

    assert "--webhook-template" in sender.tell([MESSAGE])


def test_the_queue_is_bounded() -> None:
    sender, _ = teller(*[500] * 3)
    for _ in range(3):
        sender.tell([MESSAGE] * 80)

    assert len(sender.waiting) == 100
