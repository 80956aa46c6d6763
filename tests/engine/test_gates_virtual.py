"""Debounce and batch on the Harness's clock: which events a run has when it starts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from orchestrator import (
    Batch,
    CancelOn,
    Context,
    Debounce,
    TaskContext,
    function,
    task,
)
from orchestrator.core.gating import MOST_BATCH_BYTES
from orchestrator.sdk.sending import incoming
from tests.engine.conftest import Begin
from tests.engine.held_events import send_together, skips, told


def test_a_debounced_run_starts_with_its_last_event_a_period_after_it(begin: Begin) -> None:
    @function("doc/edited", flow=[Debounce("10s", key="event.data.doc")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin()
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


def test_a_debounce_waits_no_longer_than_its_longest_wait(begin: Begin) -> None:
    @function("doc/edited", flow=[Debounce("10s", max_wait="25s")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin()
    for n in range(5):
        h.send("doc/edited", {"n": n})
        h.advance("6s")
    assert [run.output for run in h.runs] == [4]


def test_events_of_one_request_debounce_each_other(begin: Begin) -> None:
    @function("doc/edited", flow=[Debounce("10s")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin()
    send_together(h, *(incoming("doc/edited", {"n": n}) for n in range(5)))
    h.advance("10s")
    [indexed] = h.runs
    assert indexed.output == 4
    assert [len(skips(h, place)) for place in range(5)] == [1, 1, 1, 1, 0]
    assert told(h, indexed, "run.debounced")[0]["times"] == 4


def test_calls_are_debounced_by_their_payload(begin: Begin) -> None:
    @task(flow=[Debounce("10s", key="event.data.doc")])
    async def index(ctx: TaskContext, doc: str, n: int) -> int:
        return n

    h = begin()
    first = h.trigger(index, doc="a", n=1)
    second = h.trigger(index, doc="a", n=2)
    assert first.id == second.id
    h.advance("10s")
    assert first.output == 2


def test_an_event_that_happened_before_the_one_there_does_not_take_its_place(begin: Begin) -> None:
    @function("doc/edited", flow=[Debounce("10s")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin()
    [run] = h.send("doc/edited", {"n": 1})
    before = h.clock.now()
    h.advance("5s")
    send_together(h, replace(incoming("doc/edited", {"n": 0}), ts=before - timedelta(days=1)))
    h.advance("5s")
    assert run.output == 1
    assert skips(h) == [
        {"function": run.function, "reason": "debounced: a later event has its place", "run": run.id},
    ]


def test_a_batch_starts_when_it_is_full_or_its_time_is_over(begin: Begin) -> None:
    @function("log/line", flow=[Batch(3, "30s", key="event.data.app", if_="event.data.level != 'fatal'")])
    async def store(ctx: Context[Any]) -> list[int]:
        return [event.data["n"] for event in ctx.events]

    h = begin()
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


def test_a_batch_is_full_when_its_payloads_are_large(begin: Begin) -> None:
    @function("log/line", flow=[Batch(100, "30s")])
    async def store(ctx: Context[Any]) -> int:
        return len(ctx.events)

    h = begin()
    for _ in range(3):
        h.send("log/line", {"text": "x" * (MOST_BATCH_BYTES * 2 // 5)})
    h.advance("30s")
    assert [run.output for run in h.runs] == [2, 1]


def test_what_a_run_sends_passes_the_gates(begin: Begin) -> None:
    @function("page/saved")
    async def saved(ctx: Context[Any]) -> None:
        for n in range(3):
            await ctx.step.send_event(f"tell-{n}", "doc/edited", {"n": n})

    @function("doc/edited", flow=[Debounce("10s")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin()
    h.send("page/saved", {})
    h.advance("10s")
    assert [run.output for run in h.runs] == [None, 2]


def test_a_debounced_run_is_cancelled_by_what_cancels_its_last_event(begin: Begin) -> None:
    @function("doc/edited", flow=[Debounce("10s"), CancelOn("doc/deleted", match="data.doc")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["doc"]

    h = begin()
    [run] = h.send("doc/edited", {"doc": "a"})
    h.send("doc/edited", {"doc": "b"})
    h.send("doc/deleted", {"doc": "a"})
    assert run.status == "delayed"
    h.send("doc/deleted", {"doc": "b"})
    assert run.status == "cancelled"
