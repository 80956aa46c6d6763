"""Schedules over REST and in Python: made, changed, paused, triggered, filled, and what is said of them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.test import Client

from orchestrator import Context, Cron, Every, TaskContext, function, schedules, task
from orchestrator.api.queries.schedules import schedule_value
from orchestrator.core.errors import Conflict, InvalidPayload, ScheduleNotFound, UnknownFunction
from orchestrator.engine.journal.items import Call
from orchestrator.engine.registration import register
from orchestrator.engine.runtime import Runtime
from orchestrator.engine.schedules import Ticker
from orchestrator.models import Audit, Run, RunData, Schedule, ScheduleTick
from orchestrator.sdk.registry import registry
from tests.api.asking import get

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[..., Any]


@pytest.fixture
def known(engine: Runtime) -> Iterator[Runtime]:
    """A function and a task are registered; no engine runs them, so that runs stay queued."""
    kept = dict(registry._definitions)
    registry._definitions.clear()

    @function(on=Cron("0 9 * * *", key="nightly/report"), id="report")
    async def report(ctx: Context[Any]) -> None: ...

    @task()
    async def digest(ctx: TaskContext, user: int) -> None: ...

    engine.commit(Call(lambda tx: register(tx, list(registry))))
    engine.refresh_catalog()
    yield engine
    registry._definitions.clear()
    registry._definitions.update(kept)


@pytest.fixture
def ask(client: Client) -> Ask:
    """The status and decoded answer of a request below /api/v1/schedules."""

    def send(method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
        content = b"" if body is None else orjson.dumps(body)
        answer = client.generic(method, f"/api/v1/schedules{path}", content, content_type="application/json")
        return answer.status_code, orjson.loads(answer.content)

    return send


DIGEST = {"key": "digest-42", "function": "digest", "cron": "0 7 * * *", "tz": "Europe/Paris", "payload": {"user": 42}}


def actions() -> list[str]:
    return list(Audit.objects.order_by("id").values_list("action", flat=True))


def test_a_schedule_is_made_once_for_its_key_and_changed_by_it(known: Runtime, ask: Ask, client: Client) -> None:
    status, made = ask("POST", "", DIGEST)
    assert (status, made["words"], made["state"]) == (200, "At 07:00 (Europe/Paris)", "active")
    assert len(made["next_ticks"]) == 5
    status, same = ask("POST", "", DIGEST)
    assert (status, same) == (200, made)
    status, later = ask("POST", "", DIGEST | {"cron": "0 8 * * *"})
    assert (status, later["words"]) == (200, "At 08:00 (Europe/Paris)")
    status, often = ask("PATCH", "/digest-42", {"cron": [], "every": "15m", "overlap": "skip"})
    assert (status, often["words"], often["payload"]) == (200, "Every 15 m (Europe/Paris)", {"user": 42})
    assert often["timing"]["overlap"] == "skip"
    listed = get(client, "/schedules")["data"]
    assert [each["key"] for each in listed] == ["digest-42", "nightly/report"]
    assert [each["key"] for each in get(client, "/schedules", function="report")["data"]] == ["nightly/report"]
    assert actions() == ["schedule.create", "schedule.update", "schedule.update"]
    assert ask("DELETE", "/digest-42")[0] == 200
    assert ask("GET", "/digest-42")[0] == 404


@pytest.mark.parametrize(
    "change, status, code",
    [
        ({"function": "ghost"}, 404, "unknown_function"),
        ({"payload": {"usr": 1}}, 400, "invalid_payload"),
        ({"cron": "61 * * * *"}, 400, "invalid_cron"),
        ({"cron": []}, 400, "invalid_schedule"),
        ({"tz": "Mars/Olympus"}, 400, "invalid_cron"),
        ({"jitter": "soon"}, 400, "invalid_duration"),
        ({"overlap": "wait"}, 422, "invalid_request"),
        ({"key": "nightly/report"}, 409, "conflict"),  # declared with its function
    ],
)
def test_what_cannot_be_is_refused(known: Runtime, ask: Ask, change: dict[str, Any], status: int, code: str) -> None:
    answered, problem = ask("POST", "", DIGEST | change)
    assert answered == status or (status == 422 and answered == 400), problem
    assert problem["code"] == code or status == 422, problem
    assert not Schedule.objects.filter(slug="digest-42").exists()


def test_one_in_code_is_paused_with_a_note_and_resumed_but_not_deleted(known: Runtime, ask: Ask) -> None:
    assert ask("DELETE", "/nightly/report")[0] == 409
    _, paused = ask("POST", "/nightly/report/pause", {"note": "the vendor is down"})
    assert (paused["state"], paused["note"], paused["next_ticks"]) == ("paused", "the vendor is down", [])
    known.commit(Call(lambda tx: register(tx, list(registry))))  # another process starts
    assert ask("GET", "/nightly/report")[1]["state"] == "paused"
    _, resumed = ask("POST", "/nightly/report/resume")
    assert (resumed["state"], resumed["note"], len(resumed["next_ticks"])) == ("active", "", 5)
    assert actions() == ["schedule.pause", "schedule.resume"]


def test_a_run_by_hand_gets_the_payload_and_may_keep_to_the_policy(known: Runtime, ask: Ask) -> None:
    ask("POST", "", DIGEST)
    status, first = ask("POST", "/digest-42/trigger")
    assert (status, first["state"]) == (200, "started")
    assert RunData.objects.get(run=first["run_id"]).input == {"user": 42}
    assert Run.objects.get(id=first["run_id"]).trigger == "cron"
    second = ask("POST", "/digest-42/trigger", {"overlap": "skip"})[1]
    assert (second["state"], second["run_id"], second["reason"]) == (
        "skipped",
        None,
        "the run before it was still under way",
    )
    ticks = ask("GET", "/digest-42/ticks")[1]["data"]
    assert [(tick["kind"], tick["state"], tick["run_id"]) for tick in ticks] == [
        ("trigger", "skipped", None),
        ("trigger", "started", first["run_id"]),
    ]


def test_a_range_is_filled_once_and_counted_before(known: Runtime, ask: Ask) -> None:
    ask("POST", "", DIGEST | {"cron": "0 * * * *", "tz": "UTC"})
    span = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T05:00:00Z", "overlap": "allow"}
    counted = ask("POST", "/digest-42/backfill", span | {"preview": True})[1]
    assert (counted["ticks"], counted["done"], counted["started"]) == (6, 0, 0)
    assert not Run.objects.exists()
    filled = ask("POST", "/digest-42/backfill", span)[1]
    assert (filled["ticks"], filled["done"], filled["started"]) == (6, 0, 6)
    again = ask("POST", "/digest-42/backfill", span)[1]
    assert (again["ticks"], again["done"], again["started"]) == (6, 6, 0)
    assert Run.objects.count() == 6
    page = ask("GET", "/digest-42/ticks?limit=4")[1]
    rest = ask("GET", f"/digest-42/ticks?limit=4&cursor={page['next_cursor']}")[1]
    assert [tick["at"][11:13] for tick in page["data"] + rest["data"]] == ["05", "04", "03", "02", "01", "00"]
    long = {"start": "2020-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}
    assert ask("POST", "/digest-42/backfill", long)[1]["code"] == "invalid_schedule"


def test_a_filled_range_runs_one_after_another_unless_told_otherwise(known: Runtime, ask: Ask) -> None:
    ask("POST", "", DIGEST | {"cron": "0 * * * *", "tz": "UTC"})
    span = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T03:00:00Z"}
    filled = ask("POST", "/digest-42/backfill", span)[1]
    assert (filled["started"], filled["buffered"]) == (1, 3)
    first = Run.objects.get()
    Run.objects.filter(id=first.id).update(status="completed", ended_at=datetime.now(UTC))
    Ticker(known.journal, known.queueing).tick()
    assert Run.objects.count() == 2
    assert ScheduleTick.objects.get(run=first.id).status == "completed"
    assert ask("GET", "/digest-42")[1]["last_status"] == "completed"


def test_a_schedule_is_shown_as_overdue(known: Runtime, ask: Ask) -> None:
    ask("POST", "", DIGEST | {"cron": [], "every": "1h", "expected_within": "30m"})
    row = Schedule.objects.get(slug="digest-42")
    now = row.watched_from
    assert schedule_value(row, now).overdue_since is None
    late = schedule_value(row, now + timedelta(hours=2)).overdue_since
    assert late is not None
    row.last_success_at = now + timedelta(hours=2)
    assert schedule_value(row, now + timedelta(hours=2)).overdue_since is None


def test_a_preview_stores_nothing(known: Runtime, ask: Ask) -> None:
    status, told = ask("POST", "/preview", {"cron": "0 9 * * MON-FRI", "tz": "Asia/Tokyo"})
    assert (status, told["words"], len(told["next_ticks"])) == (200, "At 09:00, Monday through Friday (Asia/Tokyo)", 10)
    assert Schedule.objects.count() == 1


def test_python_does_the_same(known: Runtime) -> None:
    digest = "digest"
    assert schedules.put("digest-7", digest, Every("15m", overlap="skip"), payload={"user": 7})
    assert not schedules.put("digest-7", digest, Every("15m", overlap="skip"), payload={"user": 7})
    schedules.pause("digest-7", note="on holiday")
    assert Schedule.objects.get(slug="digest-7").note == "on holiday"
    schedules.resume("digest-7")
    assert schedules.trigger("digest-7").state == "started"
    found = schedules.backfill("digest-7", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", preview=True)
    assert found.ticks == 5
    schedules.delete("digest-7")
    with pytest.raises(ScheduleNotFound):
        schedules.pause("digest-7")
    with pytest.raises(Conflict):
        schedules.delete("nightly/report")
    with pytest.raises(UnknownFunction):
        schedules.put("x", "ghost", Every("1h"))
    with pytest.raises(InvalidPayload):
        schedules.put("x", digest, Every("1h"))
