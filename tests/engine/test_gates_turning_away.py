"""Rate limit, idempotency and singleton on the Harness's clock: what an event does not start, and why."""

from typing import Any

from orchestrator import (
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
from tests.engine.conftest import Begin
from tests.engine.held_events import reasons, skips, told


def test_what_exceeds_a_rate_is_skipped_and_told(begin: Begin) -> None:
    @function("sms/asked", flow=[RateLimit(2, "1m", key="event.data.to")])
    async def sms(ctx: Context[Any]) -> str:
        return "sent"

    h = begin()
    assert [len(h.send("sms/asked", {"to": "a"})) for _ in range(3)] == [1, 1, 0]
    assert reasons(h) == ["rate limit: 2 in 1 m have started already"]
    assert len(h.send("sms/asked", {"to": "b"})) == 1
    h.advance("59s")
    assert h.send("sms/asked", {"to": "a"}) == []
    h.advance("1s")
    assert [len(h.send("sms/asked", {"to": "a"})) for _ in range(3)] == [1, 1, 0]
    assert len(h.send("sms/asked", {"to": False})) == 1


def test_a_call_over_the_rate_is_a_run_that_was_skipped(begin: Begin) -> None:
    @task(flow=[RateLimit(1, "1m")])
    async def sms(ctx: TaskContext) -> str:
        return "sent"

    h = begin()
    first, second = h.trigger(sms), h.trigger(sms)
    assert (first.status, second.status) == ("completed", "skipped")
    assert second.error == "RunSkipped: rate limit: 1 in 1 m have started already"
    assert second.history == ["run.queued", "run.skipped"]


def test_one_run_for_each_key_until_its_time_is_over(begin: Begin) -> None:
    @function("order/paid", flow=[Idempotency("event.data.order", ttl="1h")])
    async def ship(ctx: Context[Any]) -> str:
        return "shipped"

    h = begin()
    [first] = h.send("order/paid", {"order": 1})
    assert h.send("order/paid", {"order": 1}) == []
    assert skips(h) == [
        {"function": first.function, "reason": "idempotency: a run of this key was started already", "run": first.id}
    ]
    assert len(h.send("order/paid", {"order": 2})) == 1
    h.advance("1h")
    assert len(h.send("order/paid", {"order": 1})) == 1


def test_a_call_with_a_known_key_is_answered_with_the_first_run(begin: Begin) -> None:
    @task(flow=[Idempotency("event.data.order")])
    async def ship(ctx: TaskContext, order: int) -> int:
        return order

    h = begin()
    assert h.trigger(ship, order=1).id == h.trigger(ship, order=1).id
    assert len(h.runs) == 1


def test_a_singleton_skips_what_comes_while_its_run_has_not_ended(begin: Begin) -> None:
    @function("sync/asked", flow=[Singleton(key="event.data.shop")])
    async def sync(ctx: Context[Any]) -> str:
        await ctx.step.sleep("nap", "1m")
        return "synced"

    h = begin()
    [first] = h.send("sync/asked", {"shop": 1})
    assert h.send("sync/asked", {"shop": 1}) == []
    assert skips(h)[0]["run"] == first.id
    [other] = h.send("sync/asked", {"shop": 2})
    h.advance("1m")
    assert (first.output, other.output) == ("synced", "synced")
    assert len(h.send("sync/asked", {"shop": 1})) == 1


def test_a_singleton_cancels_the_run_there_and_goes_on_when_that_has_ended(begin: Begin) -> None:
    @function("sync/asked", flow=[Singleton("cancel")])
    async def sync(ctx: Context[Any]) -> Any:
        await ctx.step.sleep("nap", "1m")
        return ctx.event.data["n"]

    h = begin()
    runs = [h.send("sync/asked", {"n": n})[0] for n in range(3)]
    h.run_until_idle()
    assert [run.status for run in runs] == ["cancelled", "cancelled", "sleeping"]
    h.advance("1m")
    assert runs[2].output == 2
    assert told(h, runs[0], "cancel.requested")[0]["reason"] == f"singleton: run {runs[1].id} takes its place"


def test_a_singleton_queues_one_and_skips_what_comes_beyond(begin: Begin) -> None:
    @function("sync/asked", flow=[Singleton("queue")])
    async def sync(ctx: Context[Any]) -> Any:
        await ctx.step.sleep("nap", "1m")
        return ctx.event.data["n"]

    h = begin()
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


def test_gates_combine_with_limits_of_what_waits(begin: Begin) -> None:
    @function("doc/edited", flow=[Debounce("10s", key="event.data.doc"), RateLimit(2, "1h"), Throttle(1, "1m")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    h = begin()
    for n, doc in enumerate(["a", "b", "a", "c"]):
        h.send("doc/edited", {"doc": doc, "n": n})
    assert reasons(h) == ["rate limit: 2 in 1 h have started already"]
    h.advance("10s")
    assert sorted(run.status for run in h.runs) == ["completed", "queued"]
    h.advance("1m")
    assert sorted(run.output for run in h.runs) == [0, 1]


def test_a_key_that_cannot_be_evaluated_is_a_reason(begin: Begin) -> None:
    @function("doc/edited", flow=[Debounce("10s", key="event.data.a / event.data.b")])
    async def index(ctx: Context[Any]) -> None:
        return None

    h = begin()
    assert h.send("doc/edited", {"a": 1, "b": 0}) == []
    [reason] = reasons(h)
    assert reason.startswith("a key cannot be evaluated")
