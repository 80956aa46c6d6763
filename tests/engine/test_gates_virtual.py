"""Gates on the Harness's clock: what an event starts when others of its key came before."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from orchestrator import (
    Batch,
    Context,
    Debounce,
    Idempotency,
    RateLimit,
    Singleton,
    TaskContext,
    Throttle,
    function,
    task,
)
from orchestrator.core.events import IncomingEvent
from orchestrator.core.gating import MOST_BATCH_BYTES
from orchestrator.engine.ingest import build_starts
from orchestrator.engine.journal.items import Ingest
from orchestrator.engine.sql import Id
from orchestrator.sdk.sending import incoming
from orchestrator.testing import Harness, HarnessRun


@pytest.fixture
def harness(functions: None) -> Iterator[list[Harness]]:
    """Made by the test, after it has declared its functions."""
    made: list[Harness] = []
    yield made
    for one in made:
        one.close()


def begin(harness: list[Harness]) -> Harness:
    harness.append(Harness())
    return harness[0]


def skips(harness: Harness, place: int = -1) -> list[dict[str, str]]:
    """Why functions have no run of the event that was sent last, or at that place."""
    rows = harness._db.query("SELECT CAST(skipped AS text) FROM signalbox_event ORDER BY id")
    return list(orjson.loads(rows[place][0] or "[]"))


def reasons(harness: Harness, place: int = -1) -> list[str]:
    return [each["reason"] for each in skips(harness, place)]


def send_together(harness: Harness, *events: IncomingEvent) -> None:
    """In one transaction."""
    harness._engine.commit(Ingest(build_starts(harness._engine.runtime.starting, events)))


def told(harness: Harness, run: HarnessRun, kind: str) -> list[dict[str, Any]]:
    rows = harness._db.query(
        "SELECT CAST(data AS text) FROM signalbox_journal WHERE run = ? AND kind = ? ORDER BY seq", [Id(run.id), kind]
    )
    return [orjson.loads(data) for (data,) in rows]


def test_a_debounced_run_starts_with_its_last_event_a_period_after_it(harness: list[Harness]) -> None:
    @function("doc/edited", flow=[Debounce("10s", key="event.data.doc")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin(harness)
    [first] = h.send("doc/edited", {"doc": "a", "n": 1})
    [other] = h.send("doc/edited", {"doc": "b", "n": 7})
    h.advance("6s")
    assert [run.id for run in h.send("doc/edited", {"doc": "a", "n": 2})] == [first.id]
    h.advance("6s")
    assert (first.status, other.output) == ("delayed", 7)
    h.send("doc/edited", {"doc": "a", "n": 3})
    h.advance("9s")
    assert first.status == "delayed"
    h.advance("1s")
    assert first.output == 3
    assert [entry["times"] for entry in told(h, first, "run.debounced")] == [1, 2]
    [replaced] = skips(h, 0)
    assert replaced["run"] == first.id
    assert replaced["reason"].startswith("debounced: event ")
    [after] = h.send("doc/edited", {"doc": "a", "n": 4})
    assert after.id != first.id


def test_a_debounce_waits_no_longer_than_its_longest_wait(harness: list[Harness]) -> None:
    @function("doc/edited", flow=[Debounce("10s", max_wait="25s")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin(harness)
    for n in range(5):
        h.send("doc/edited", {"n": n})
        h.advance("6s")
    assert [run.output for run in h.runs] == [4]


def test_events_of_one_request_debounce_each_other(harness: list[Harness]) -> None:
    @function("doc/edited", flow=[Debounce("10s")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin(harness)
    send_together(h, *(incoming("doc/edited", {"n": n}) for n in range(5)))
    h.advance("10s")
    [indexed] = h.runs
    assert indexed.output == 4
    assert [len(skips(h, place)) for place in range(5)] == [1, 1, 1, 1, 0]
    assert told(h, indexed, "run.debounced")[0]["times"] == 4


def test_calls_are_debounced_by_their_payload(harness: list[Harness]) -> None:
    @task(flow=[Debounce("10s", key="event.data.doc")])
    async def index(ctx: TaskContext, doc: str, n: int) -> int:
        return n

    h = begin(harness)
    first = h.trigger(index, doc="a", n=1)
    second = h.trigger(index, doc="a", n=2)
    assert first.id == second.id
    h.advance("10s")
    assert first.output == 2


def test_an_event_that_happened_before_the_one_there_does_not_take_its_place(harness: list[Harness]) -> None:
    @function("doc/edited", flow=[Debounce("10s")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin(harness)
    [run] = h.send("doc/edited", {"n": 1})
    before = h.clock.now()
    h.advance("5s")
    send_together(h, replace(incoming("doc/edited", {"n": 0}), ts=before - timedelta(days=1)))
    h.advance("5s")
    assert run.output == 1
    assert skips(h) == [
        {"function": run.function, "reason": "debounced: a later event has its place", "run": run.id},
    ]


def test_a_batch_starts_when_it_is_full_or_its_time_is_over(harness: list[Harness]) -> None:
    @function("log/line", flow=[Batch(3, "30s", key="event.data.app", if_="event.data.level != 'fatal'")])
    async def store(ctx: Context[Any]) -> list[int]:
        return [event.data["n"] for event in ctx.events]

    h = begin(harness)
    lines = [h.send("log/line", {"app": "a", "level": "info", "n": n})[0] for n in range(4)]
    assert len({run.id for run in lines[:3]}) == 1
    assert lines[0].output == [0, 1, 2]
    assert lines[3].status == "delayed"
    [alone] = h.send("log/line", {"app": "a", "level": "fatal", "n": 9})
    assert alone.output == [9]
    h.advance("29s")
    h.send("log/line", {"app": "a", "level": "info", "n": 5})
    h.send("log/line", {"app": "b", "level": "info", "n": 6})
    assert lines[3].status == "delayed"
    h.advance("1s")
    assert lines[3].output == [3, 5]
    h.advance("30s")
    assert sorted(run.output for run in h.runs) == [[0, 1, 2], [3, 5], [6], [9]]
    assert told(h, lines[0], "run.batched")[-1] == {"events": 3, "full": True}


def test_a_batch_is_full_when_its_payloads_are_large(harness: list[Harness]) -> None:
    @function("log/line", flow=[Batch(100, "30s")])
    async def store(ctx: Context[Any]) -> int:
        return len(ctx.events)

    h = begin(harness)
    for _ in range(3):
        h.send("log/line", {"text": "x" * (MOST_BATCH_BYTES * 2 // 5)})
    h.advance("30s")
    assert [run.output for run in h.runs] == [2, 1]


def test_what_exceeds_a_rate_is_skipped_and_told(harness: list[Harness]) -> None:
    @function("sms/asked", flow=[RateLimit(2, "1m", key="event.data.to")])
    async def sms(ctx: Context[Any]) -> str:
        return "sent"

    h = begin(harness)
    assert [len(h.send("sms/asked", {"to": "a"})) for _ in range(3)] == [1, 1, 0]
    assert reasons(h) == ["rate limit: 2 in 1 m have started already"]
    assert len(h.send("sms/asked", {"to": "b"})) == 1
    h.advance("59s")
    assert h.send("sms/asked", {"to": "a"}) == []
    h.advance("1s")
    assert [len(h.send("sms/asked", {"to": "a"})) for _ in range(3)] == [1, 1, 0]
    assert len(h.send("sms/asked", {"to": False})) == 1


def test_a_call_over_the_rate_is_a_run_that_was_skipped(harness: list[Harness]) -> None:
    @task(flow=[RateLimit(1, "1m")])
    async def sms(ctx: TaskContext) -> str:
        return "sent"

    h = begin(harness)
    first, second = h.trigger(sms), h.trigger(sms)
    assert (first.status, second.status) == ("completed", "skipped")
    assert second.error == "RunSkipped: rate limit: 1 in 1 m have started already"
    assert second.history == ["run.queued", "run.skipped"]


def test_one_run_for_each_key_until_its_time_is_over(harness: list[Harness]) -> None:
    @function("order/paid", flow=[Idempotency("event.data.order", ttl="1h")])
    async def ship(ctx: Context[Any]) -> str:
        return "shipped"

    h = begin(harness)
    [first] = h.send("order/paid", {"order": 1})
    assert h.send("order/paid", {"order": 1}) == []
    assert skips(h) == [
        {"function": first.function, "reason": "idempotency: a run of this key was started already", "run": first.id}
    ]
    assert len(h.send("order/paid", {"order": 2})) == 1
    h.advance("1h")
    assert len(h.send("order/paid", {"order": 1})) == 1


def test_a_call_with_a_known_key_is_answered_with_the_first_run(harness: list[Harness]) -> None:
    @task(flow=[Idempotency("event.data.order")])
    async def ship(ctx: TaskContext, order: int) -> int:
        return order

    h = begin(harness)
    assert h.trigger(ship, order=1).id == h.trigger(ship, order=1).id
    assert len(h.runs) == 1


def test_a_singleton_skips_what_comes_while_its_run_has_not_ended(harness: list[Harness]) -> None:
    @function("sync/asked", flow=[Singleton(key="event.data.shop")])
    async def sync(ctx: Context[Any]) -> str:
        await ctx.step.sleep("nap", "1m")
        return "synced"

    h = begin(harness)
    [first] = h.send("sync/asked", {"shop": 1})
    assert h.send("sync/asked", {"shop": 1}) == []
    assert skips(h)[0]["run"] == first.id
    [other] = h.send("sync/asked", {"shop": 2})
    h.advance("1m")
    assert (first.output, other.output) == ("synced", "synced")
    assert len(h.send("sync/asked", {"shop": 1})) == 1


def test_a_singleton_cancels_the_run_there_and_goes_on_when_that_has_ended(harness: list[Harness]) -> None:
    @function("sync/asked", flow=[Singleton("cancel")])
    async def sync(ctx: Context[Any]) -> Any:
        await ctx.step.sleep("nap", "1m")
        return ctx.event.data["n"]

    h = begin(harness)
    runs = [h.send("sync/asked", {"n": n})[0] for n in range(3)]
    h.run_until_idle()
    assert [run.status for run in runs] == ["cancelled", "cancelled", "sleeping"]
    h.advance("1m")
    assert runs[2].output == 2
    assert told(h, runs[0], "cancel.requested")[0]["reason"] == f"singleton: run {runs[1].id} takes its place"


def test_a_singleton_queues_one_and_skips_what_comes_beyond(harness: list[Harness]) -> None:
    @function("sync/asked", flow=[Singleton("queue")])
    async def sync(ctx: Context[Any]) -> Any:
        await ctx.step.sleep("nap", "1m")
        return ctx.event.data["n"]

    h = begin(harness)
    [first] = h.send("sync/asked", {"n": 0})
    [second] = h.send("sync/asked", {"n": 1})
    assert h.send("sync/asked", {"n": 2}) == []
    assert skips(h)[0]["run"] == second.id
    assert (first.status, second.status) == ("sleeping", "queued")
    assert told(h, second, "run.queued")[0]["limit"].startswith("singleton:")
    h.advance("1m")
    assert (first.output, second.status) == (0, "sleeping")
    [third] = h.send("sync/asked", {"n": 3})
    h.advance("1m")
    h.advance("1m")
    assert (second.output, third.output) == (1, 3)


def test_gates_combine_with_limits_of_what_waits(harness: list[Harness]) -> None:
    @function("doc/edited", flow=[Debounce("10s", key="event.data.doc"), RateLimit(2, "1h"), Throttle(1, "1m")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin(harness)
    for n, doc in enumerate(["a", "b", "a", "c"]):
        h.send("doc/edited", {"doc": doc, "n": n})
    assert reasons(h) == ["rate limit: 2 in 1 h have started already"]
    h.advance("10s")
    assert sorted(run.status for run in h.runs) == ["completed", "queued"]
    h.advance("1m")
    assert sorted(run.output for run in h.runs) == [0, 1]


def test_a_key_that_cannot_be_evaluated_is_a_reason(harness: list[Harness]) -> None:
    @function("doc/edited", flow=[Debounce("10s", key="event.data.a / event.data.b")])
    async def index(ctx: Context[Any]) -> None:
        return None

    h = begin(harness)
    assert h.send("doc/edited", {"a": 1, "b": 0}) == []
    [reason] = reasons(h)
    assert reason.startswith("a key cannot be evaluated")


def test_what_a_run_sends_passes_the_gates(harness: list[Harness]) -> None:
    @function("page/saved")
    async def saved(ctx: Context[Any]) -> None:
        for n in range(3):
            await ctx.step.send_event(f"tell-{n}", "doc/edited", {"n": n})

    @function("doc/edited", flow=[Debounce("10s")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin(harness)
    h.send("page/saved", {})
    h.advance("10s")
    assert [run.output for run in h.runs] == [None, 2]
