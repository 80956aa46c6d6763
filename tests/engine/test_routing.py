"""What starts a run: names, wildcards, conditions, keys, times, ticks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator import Context, On, SyncContext, TaskContext, function, send, task
from orchestrator.core.errors import InvalidPayload, UnknownFunction
from orchestrator.core.events import IncomingEvent
from orchestrator.engine.ingest import IngestMode, send_events
from orchestrator.engine.triggering import trigger
from orchestrator.models import Event, Run
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, event_row, run_of, run_row, runs_of, until
from tests.engine.writers import all_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def started(event: str) -> list[str]:
    return sorted(Run.objects.filter(id__in=runs_of(event)).values_list("function", flat=True))


def declare_many() -> None:
    async def body(ctx: Context[Any]) -> str:
        return ctx.function_id

    function(on="shop/order.placed", id="exact")(body)
    function(on="shop/*", id="shop")(body)
    function(on="shop/order.*", id="orders")(body)
    function(on="*", id="all")(body)
    function(on="other", id="other")(body)
    function(on="shop/order.placed", if_="event.data.total > 100", id="large")(body)
    function(on=[On("shop/order.placed", if_="event.data.total > 500"), "rare"], id="huge")(body)


def test_names_wildcards_and_conditions_choose_the_functions(start: StartEngine) -> None:
    declare_many()
    start()
    small = send("shop/order.placed", {"total": 5})
    large = send("shop/order.placed", {"total": 200})

    assert started(small) == ["all", "exact", "orders", "shop"]
    assert started(large) == ["all", "exact", "large", "orders", "shop"]
    assert started(send("shop/visit")) == ["all", "shop"]
    assert started(send("rare")) == ["all", "huge"]
    for run in runs_of(large):
        assert completed(run) == run_row(run).function


def test_an_event_says_why_a_function_of_its_name_did_not_start(start: StartEngine) -> None:
    declare_many()
    start()
    sent = send("shop/order.placed", {"total": 200})
    broken = send("shop/order.placed", {"total": "much"})

    assert event_row(sent).skipped == [
        {"function": "huge", "reason": "if is false: event.data.total > 500"},
    ]
    reasons = {row["function"]: row["reason"] for row in event_row(broken).skipped}
    assert set(reasons) == {"large", "huge"}
    assert event_row(send("shop/visit")).skipped is None


def test_a_repeated_event_id_answers_the_first_on_our_api_and_is_stored_on_inngests(start: StartEngine) -> None:
    @function(on="e")
    async def on_e(ctx: Context[Any]) -> None: ...

    start()
    event = IncomingEvent("e", {"n": 1}, id="key")
    [first] = send_events([event])
    assert send_events([event]) == [first]
    assert len(runs_of(first)) == 1
    assert Event.objects.count() == 1

    [second] = send_events([event], mode=IngestMode.INNGEST)
    assert second != first
    assert event_row(second).duplicate_of == first
    assert runs_of(second) == []
    assert Run.objects.count() == 1


def test_one_event_id_sent_by_many_at_once_starts_one_run(start: StartEngine) -> None:
    @function(on="e")
    async def on_e(ctx: Context[Any]) -> None: ...

    start()
    answers: list[str] = []
    event = IncomingEvent("e", {}, id="key")
    all_at_once(*(lambda: answers.extend(send_events([event, event])) for _ in range(6)))

    assert len(set(answers)) == 1
    assert Run.objects.count() == 1
    assert Event.objects.count() == 1


def test_a_trigger_with_a_used_key_answers_the_first_run(start: StartEngine) -> None:
    @task()
    async def one(ctx: TaskContext, n: int) -> int:
        return n

    @task()
    async def other(ctx: TaskContext, n: int) -> int:
        return n

    start()
    first = trigger("one", {"n": 1}, idempotency_key="k")
    assert trigger("one", {"n": 2}, idempotency_key="k") == first
    assert one.options(idempotency_key="k").trigger(3) == first
    assert trigger("other", {"n": 2}, idempotency_key="k") != first
    assert trigger("one", {"n": 2}) != first
    assert completed(first) == 1


def test_payloads_are_checked_before_a_run_exists(start: StartEngine) -> None:
    @task()
    async def one(ctx: TaskContext, n: int) -> int:
        return n

    start()
    for payload in ({}, {"n": 1, "m": 2}, [1]):
        with pytest.raises(InvalidPayload):
            trigger("one", payload)
    with pytest.raises(UnknownFunction, match="'ghost'"):
        trigger("ghost")
    assert not Run.objects.exists()


def test_an_event_with_a_later_time_starts_its_runs_then(start: StartEngine) -> None:
    @function(on="later")
    async def on_later(ctx: Context[Any]) -> str:
        return ctx.event.ts.isoformat()

    start()
    at = datetime.now(UTC) + timedelta(milliseconds=300)
    run = run_of(send("later", ts=at))
    row = run_row(run)
    assert (row.status, row.due_at) == ("delayed", at)

    completed(run)
    assert run_row(run).started_at >= at


def test_a_delayed_trigger_starts_later(start: StartEngine) -> None:
    @task()
    async def one(ctx: TaskContext) -> None: ...

    start()
    run = one.options(delay="300ms").trigger()
    assert until(run, "delayed").due_at is not None
    completed(run)
    row = run_row(run)
    assert row.started_at - row.queued_at >= timedelta(milliseconds=300)


def test_an_event_function_can_be_called_with_its_data(start: StartEngine) -> None:
    @function(on="e")
    def on_e(ctx: SyncContext[Any]) -> Any:
        return ctx.event.data["n"]

    start()
    assert completed(trigger("on-e", {"n": 7})) == 7


def test_a_burst_of_events_starts_every_run_once(start: StartEngine) -> None:
    @function(on="burst")
    async def on_burst(ctx: Context[Any]) -> int:
        return await ctx.step.run("n", lambda: int(ctx.event.data["n"]))

    start(CONCURRENCY=20)
    sent: list[str] = []
    all_at_once(*(lambda k=k: sent.extend(send("burst", {"n": n}) for n in range(k, 200, 4)) for k in range(4)))

    outputs = sorted(completed(run_of(event)) for event in sent)
    assert outputs == list(range(200))
