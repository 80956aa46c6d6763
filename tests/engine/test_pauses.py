"""Pauses: what waits, what goes on, and that all of it goes on afterwards."""

import pytest

from orchestrator import Concurrency, TaskContext, Timeouts, task
from orchestrator.core.errors import InvalidInput, PauseNotFound, UnknownFunction
from orchestrator.core.pausing import PauseKind
from orchestrator.engine.cancel import cancel_run
from orchestrator.engine.journal.items import Call
from orchestrator.engine.pauses import pause, resume
from orchestrator.engine.pausing import let_resumed_go
from orchestrator.engine.signals import send_signal
from orchestrator.models import Audit, Pause, Run
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, kinds, run_row, soon, until

pytestmark = pytest.mark.django_db(transaction=True)
FUNCTION, QUEUE, ENVIRONMENT = PauseKind


def gated(run: str) -> bool:
    row = run_row(run)
    return row.status == "queued" and (row.gate or "").startswith("pause:")


def test_runs_of_a_paused_function_wait_and_all_go_on_after_it(start: StartEngine) -> None:
    @task(id="mail")
    async def mail(ctx: TaskContext, n: int) -> int:
        return n

    @task(id="other")
    async def other(ctx: TaskContext) -> str:
        return "goes on"

    start()
    pause(FUNCTION, "mail", note="the server is down", actor="ann")
    runs = [mail.trigger(n=n) for n in range(20)]
    assert completed(other.trigger()) == "goes on"
    soon(lambda: all(gated(run) for run in runs))
    resume(FUNCTION, "mail", actor="bob")
    assert [completed(run) for run in runs] == list(range(20))
    told = [(row.action, row.target, row.actor, row.reason) for row in Audit.objects.order_by("id")]
    assert told == [("function.pause", "mail", "ann", "the server is down"), ("function.resume", "mail", "bob", "")]


def test_what_runs_goes_on_to_its_next_rest_and_is_not_woken(start: StartEngine) -> None:
    gate = Gate()

    @task(id="work")
    async def work(ctx: TaskContext) -> str:
        await ctx.step.run("hold", gate.apass_through)
        await ctx.step.sleep("nap", "20ms")
        return "done"

    start()
    run = work.trigger()
    gate.reached()
    pause(FUNCTION, "work")
    gate.open()
    soon(lambda: gated(run))
    assert kinds(run)[-2:] == ["run.sleeping", "run.queued"]
    resume(FUNCTION, "work")
    assert completed(run) == "done"


def test_a_signal_for_a_paused_run_is_read_afterwards(start: StartEngine) -> None:
    @task(id="asking")
    async def asking(ctx: TaskContext) -> object:
        return await ctx.step.wait_for_signal("answer")

    start()
    run = asking.trigger()
    until(run, "waiting")
    pause(FUNCTION, "asking")
    send_signal(run, "answer", 42)
    soon(lambda: gated(run))
    resume(FUNCTION, "asking")
    assert completed(run) == 42


@pytest.mark.parametrize("kind, name", [(QUEUE, "default"), (ENVIRONMENT, "")])
def test_a_queue_and_an_environment_can_be_paused(start: StartEngine, kind: PauseKind, name: str) -> None:
    @task()
    async def work(ctx: TaskContext) -> str:
        return "done"

    start()
    pause(kind, name)
    run = work.trigger()
    soon(lambda: gated(run))
    resume(kind, name)
    assert completed(run) == "done"


def test_a_paused_run_can_be_cancelled_and_expire(start: StartEngine) -> None:
    @task(id="work", flow=[Concurrency(1), Timeouts(start="400ms")])
    async def work(ctx: TaskContext) -> None: ...

    start()
    pause(FUNCTION, "work")
    cancelled, expired = work.trigger(), work.trigger()
    cancel_run(cancelled)
    until(cancelled, "cancelled")
    until(expired, "expired")


def test_a_run_put_at_the_gate_after_the_resume_is_let_go_by_the_sweep(start: StartEngine) -> None:
    @task(id="work")
    async def work(ctx: TaskContext) -> str:
        return "done"

    host = start()
    pause(FUNCTION, "work")
    run = work.trigger()
    soon(lambda: gated(run))
    Pause.objects.update(resumed_at=Pause.objects.get().at)  # its process ended before it let anybody go
    host.journal.submit(Call(let_resumed_go)).result()
    assert completed(run) == "done"
    host.journal.submit(Call(let_resumed_go)).result()
    assert Run.objects.exclude(gate=None).count() == 0


def test_pausing_again_changes_the_note_and_resuming_twice_is_refused(start: StartEngine) -> None:
    start()
    pause(QUEUE, "mail", note="one")
    at = Pause.objects.get().at
    pause(QUEUE, "mail", note="two")
    assert (Pause.objects.get().note, Pause.objects.get().at) == ("two", at)
    resume(QUEUE, "mail")
    with pytest.raises(PauseNotFound, match="queue mail is not paused"):
        resume(QUEUE, "mail")


@pytest.mark.parametrize("kind, name, wrong", [(FUNCTION, "nobody", UnknownFunction), (QUEUE, "", InvalidInput)])
def test_what_cannot_be_paused(start: StartEngine, kind: PauseKind, name: str, wrong: type[Exception]) -> None:
    start()
    with pytest.raises(wrong):
        pause(kind, name)
