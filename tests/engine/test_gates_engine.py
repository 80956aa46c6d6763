"""Gates before functions of a running engine: what starts, when, and with which events."""

from typing import Any

from django.db import transaction

from orchestrator import Batch, Context, Debounce, RateLimit, Singleton, TaskContext, function, send, signal, task
from orchestrator.engine.clock import system_clock
from orchestrator.engine.ingest import send_events
from orchestrator.engine.journal.tx import Leftovers
from orchestrator.engine.replay import replay_run, retrigger_event
from orchestrator.models import Event, Run, RunEvent, Slot
from orchestrator.sdk.sending import incoming
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, event_row, output, run_of, runs_of, soon, until


def test_a_debounced_run_survives_the_engine(start: StartEngine) -> None:
    @function("doc/edited", flow=[Debounce("1h")])
    async def index(ctx: Context[Any]) -> Any:
        return ctx.event.data["n"]

    start()
    first, second = send("doc/edited", {"n": 1}), send("doc/edited", {"n": 2})
    run = run_of(second)
    start.drain()
    assert Run.objects.get(id=run).status == "delayed"
    start()
    third = send("doc/edited", {"n": 3})
    assert Run.objects.filter(id=run, status="delayed").update(due_at=system_clock.now()) == 1  # an hour later
    assert completed(run) == 3
    assert runs_of(third) == [run]
    assert [(event_row(one).skipped or [{}])[0].get("run") for one in (first, second)] == [run, run]


def test_a_batch_starts_at_once_by_size_and_later_by_time(start: StartEngine) -> None:
    @function("log/line", flow=[Batch(100, "300ms")])
    async def store(ctx: Context[Any]) -> list[int]:
        return [event.data["n"] for event in ctx.events]

    start()
    send_events([incoming("log/line", {"n": n}) for n in range(150)])
    soon(lambda: Run.objects.filter(status="completed").count() == 2)
    full, rest = Run.objects.order_by("id")
    assert (output(full.id), output(rest.id)) == (list(range(100)), list(range(100, 150)))
    assert full.started_at is not None
    assert rest.started_at is not None
    assert (rest.started_at - rest.queued_at).total_seconds() >= 0.3
    assert RunEvent.objects.count() == 150


def test_events_of_an_authors_transaction_pass_the_gates_too(start: StartEngine) -> None:
    @function("order/paid", flow=[RateLimit(2, "1h")])
    async def ship(ctx: Context[Any]) -> None:
        return None

    start()
    with transaction.atomic():
        sent = [send("order/paid", {"n": n}) for n in range(4)]
    soon(lambda: not Event.objects.filter(routed_at=None).exists())
    assert [len(runs_of(event)) for event in sent] == [1, 1, 0, 0]
    assert [bool(event_row(event).skipped) for event in sent] == [False, False, True, True]


def test_a_queued_singleton_goes_on_as_soon_as_the_one_before_it_has_ended(start: StartEngine) -> None:
    @function("sync/asked", flow=[Singleton("queue")])
    async def sync(ctx: Context[Any]) -> Any:
        return await ctx.step.wait_for_signal("go", timeout="1h")

    host = start()
    first, second, third = (send("sync/asked", {}) for _ in range(3))
    until(run_of(first), "waiting")
    assert (Run.objects.get(id=run_of(second)).gate or "").startswith("1:singleton:")
    assert (runs_of(third), len(event_row(third).skipped or [])) == ([], 1)
    signal(run_of(first), "go")
    completed(run_of(first))
    until(run_of(second), "waiting")
    signal(run_of(second), "go")
    completed(run_of(second))
    soon(lambda: not Slot.objects.exists())
    assert host.journal.leftovers == Leftovers(slots=True, terms=False)


def test_a_singleton_cancels_the_one_that_runs(start: StartEngine) -> None:
    @task(flow=[Singleton("cancel")])
    async def sync(ctx: TaskContext, n: int) -> int:
        if n == 0:
            await ctx.step.wait_for_signal("never", timeout="1h")
        return n

    start()
    first = sync.trigger(n=0)
    until(first, "waiting")
    assert completed(sync.trigger(n=1)) == 1
    until(first, "cancelled")


def test_what_is_sent_again_passes_the_gates_and_what_is_replayed_does_not(start: StartEngine) -> None:
    @function("order/paid", flow=[RateLimit(1, "1h")])
    async def ship(ctx: Context[Any]) -> str:
        return "shipped"

    start()
    event = send("order/paid", {})
    completed(run_of(event))
    assert runs_of(retrigger_event(event)) == []
    assert completed(replay_run(run_of(event))) == "shipped"
