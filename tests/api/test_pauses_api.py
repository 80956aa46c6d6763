"""Pauses over REST: begun, listed with what waits, told by the runs they hold, ended."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client

from orchestrator.core.pausing import Paused, PauseKind
from orchestrator.models import Audit, Pause, Run
from tests.api.asking import get
from tests.console.factories import NOW, RunBuilder, make_event, make_function

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("engine")]


def post(client: Client, path: str, status: int = 200, **body: Any) -> Any:
    answer = client.post(f"/api/v1{path}", orjson.dumps(body), content_type="application/json")
    assert answer.status_code == status, answer.content
    return orjson.loads(answer.content)


def test_a_pause_is_begun_listed_and_ended(client: Client) -> None:
    make_function("mail/send")
    assert post(client, "/pauses", kind="function", name="mail/send", note="deploy") == {
        "kind": "function",
        "name": "mail/send",
    }
    [told] = get(client, "/pauses")["data"]
    assert (told["kind"], told["name"], told["note"], told["waiting"]) == ("function", "mail/send", "deploy", 0)
    post(client, "/pauses/resume", kind="function", name="mail/send")
    assert get(client, "/pauses")["data"] == []
    assert [row.action for row in Audit.objects.order_by("id")] == ["function.pause", "function.resume"]


def test_a_run_tells_who_holds_it_back_and_why(client: Client) -> None:
    row = RunBuilder("mail").save("queued", event=make_event())
    paused = Paused(1, PauseKind.QUEUE, "default")
    Pause.objects.create(key=paused.key, env=1, kind="queue", name="default", note="deploy", actor="ann", at=NOW)
    Run.objects.filter(id=row.id).update(gate=paused.key)
    reason = ["Paused: its queue is paused by ann: deploy"]
    assert get(client, f"/runs/{row.id}")["waiting_for"] == reason
    assert get(client, "/runs")["data"][0]["waiting_for"] == reason
    [told] = get(client, "/pauses")["data"]
    assert (told["waiting"], told["actor"]) == (1, "ann")


def test_pauses_come_in_pages_without_those_that_are_over(client: Client) -> None:
    for name in ("a", "b", "c"):
        post(client, "/pauses", kind="queue", name=name)
    Pause.objects.filter(name="b").update(resumed_at=NOW + timedelta(days=1))
    first = get(client, "/pauses", limit=1)
    rest = get(client, "/pauses", cursor=first["next_cursor"])
    assert [pause["name"] for pause in first["data"] + rest["data"]] == ["a", "c"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "path, body, status, code",
    [
        ("/pauses", {"kind": "function", "name": "nobody"}, 404, "unknown_function"),
        ("/pauses", {"kind": "queue"}, 400, "invalid_input"),
        ("/pauses", {"kind": "world"}, 400, "invalid_input"),
        ("/pauses/resume", {"kind": "environment"}, 404, "pause_not_found"),
    ],
)
def test_what_cannot_be_paused_or_resumed(
    client: Client, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    assert post(client, path, status, **body)["code"] == code
