"""Sync functions: the same steps, in threads; each wait unwinds the function and calls it again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator import NonRetriableError, Retries, StepError, SyncContext, SyncTaskContext, function, send, task
from orchestrator.engine.signals import send_signal
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import (
    children,
    completed,
    ended,
    error,
    kinds,
    leftovers,
    logs,
    run_of,
    run_row,
    soon,
    steps,
    until,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_sync_function_has_every_step_tool(start: StartEngine) -> None:
    calls: list[str] = []

    @task()
    def double(ctx: SyncTaskContext, n: int) -> int:
        return 2 * n

    @function(on="order/placed")
    def process(ctx: SyncContext[Any]) -> list[Any]:
        step = ctx.step
        done: list[Any] = [step.run("run", lambda: calls.append("run") or "ran")]
        done.append(step.transaction("transaction", lambda: calls.append("transaction") or "written"))
        step.sleep("sleep", "10ms")
        step.sleep_until("until", datetime.now(UTC) + timedelta(milliseconds=10))
        paid = step.wait_for_event("paid", "order/paid", match="data.order", timeout="1h")
        done.append(paid.data["amount"] if paid else None)
        done.append(step.wait_for_signal("approval"))
        done.append(step.invoke("double", double, 4))
        done.append(len(step.send_event("told", "order/done", {"order": 1})))
        done.append(step.map("each", lambda n: n + 1, [1, 2, 3]))
        done.append(step.parallel(lambda: step.run("left", lambda: "l"), lambda: step.run("right", lambda: "r")))
        return done

    start()
    run = run_of(send("order/placed", {"order": 1}))
    soon(lambda: steps(run).get("paid") == ["waiting"])
    send("order/paid", {"order": 1, "amount": 10})
    soon(lambda: steps(run).get("approval") == ["waiting"])
    send_signal(run, "approval", "yes")

    assert completed(run) == ["ran", "written", 10, "yes", 8, 1, [2, 3, 4], ["l", "r"]]
    assert calls == ["run", "transaction"]
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_a_resting_sync_run_holds_no_thread(start: StartEngine) -> None:
    @task()
    def resting(ctx: SyncTaskContext, n: int) -> int:
        ctx.step.wait_for_signal("go")
        return n

    start(BODY_THREADS=1)
    runs = [resting.trigger(n) for n in range(5)]
    for run in runs:
        assert until(run, "waiting").owner is None
    for run in runs:
        send_signal(run, "go")

    assert [completed(run) for run in runs] == list(range(5))


def test_parallel_branches_share_a_pool_of_one_thread(start: StartEngine) -> None:
    @task()
    def branching(ctx: SyncTaskContext) -> list[str]:
        def branch(name: str) -> str:
            first = ctx.step.run(f"{name}-1", lambda: name)
            inner = ctx.step.parallel(
                lambda: ctx.step.run(f"{name}-2", lambda: "x"), lambda: ctx.step.run(f"{name}-3", lambda: "y")
            )
            return first + "".join(inner)

        return ctx.step.parallel(*(lambda name=name: branch(name) for name in "abc"))

    start(BODY_THREADS=1)
    runs = [branching.trigger() for _ in range(3)]

    assert [completed(run) for run in runs] == [["axy", "bxy", "cxy"]] * 3


@pytest.mark.parametrize("threads", [1, 4])
def test_parallel_with_a_resting_and_a_running_branch_ends_when_both_have_ended(
    start: StartEngine, threads: int
) -> None:
    calls: list[str] = []
    gate = Gate()

    @task()
    def mixed(ctx: SyncTaskContext) -> list[Any]:
        def works() -> str:
            ctx.step.run("work-1", lambda: calls.append("work-1"))
            ctx.step.run("work-2", gate.pass_through)
            return "worked"

        return ctx.step.parallel(lambda: ctx.step.wait_for_signal("go", timeout="1h"), works)

    start(BODY_THREADS=threads)
    run = mixed.trigger()
    gate.reached()
    if threads > 1:
        soon(lambda: steps(run).get("go") == ["waiting"])
    gate.open()
    until(run, "waiting")
    send_signal(run, "go", "gone")

    assert completed(run) == ["gone", "worked"]
    assert calls == ["work-1"]


def test_a_wait_that_ends_while_another_branch_runs_is_not_forgotten(start: StartEngine) -> None:
    gate = Gate()

    @task()
    def mixed(ctx: SyncTaskContext) -> list[Any]:
        return ctx.step.parallel(
            lambda: ctx.step.wait_for_signal("go"),
            lambda: ctx.step.wait_for_event("news", "news/came", timeout="1h").name,  # type: ignore[union-attr]
            lambda: ctx.step.run("work", gate.pass_through),
        )

    start()
    run = mixed.trigger()
    gate.reached()
    soon(lambda: steps(run).get("news") == ["waiting"])
    send_signal(run, "go", "gone")
    send("news/came")
    soon(lambda: steps(run).get("news") == ["completed"])
    gate.open()

    assert completed(run) == ["gone", "news/came", None]
    assert kinds(run).count("step.waiting") == 2


def test_a_signal_before_the_wait_is_received_by_a_sync_function(start: StartEngine) -> None:
    gate = Gate()

    @task()
    def late(ctx: SyncTaskContext) -> list[Any]:
        ctx.step.run("work", gate.pass_through)
        return [ctx.step.wait_for_signal("go"), ctx.step.wait_for_signal("go")]

    start()
    run = late.trigger()
    gate.reached()
    send_signal(run, "go", 1)
    send_signal(run, "go", 2)
    gate.open()

    assert completed(run) == [1, 2]
    assert leftovers() == {"inbox": 0, "wait": 0, "mail": 0}


def test_sync_steps_are_tried_again_and_given_up(start: StartEngine) -> None:
    calls: list[int] = []

    @task(retries=Retries(3, initial="10ms", jitter=0))
    def flaky(ctx: SyncTaskContext) -> list[Any]:
        def body() -> int:
            calls.append(1)
            if len(calls) < 3:
                raise RuntimeError("not yet")
            return len(calls)

        def declined() -> None:
            raise NonRetriableError("declined")

        answer = ctx.step.run("flaky", body)
        try:
            ctx.step.run("declined", declined)
        except StepError as failure:
            return [answer, failure.name]
        return []

    start()
    run = flaky.trigger()

    assert completed(run) == [3, "orchestrator.core.errors.NonRetriableError"]
    assert steps(run)["flaky"] == ["failed", "failed", "completed"]
    assert steps(run)["declined"] == ["failed"]


def test_a_failing_branch_may_be_caught_while_another_rests(start: StartEngine) -> None:
    @task(retries=0)
    def tolerant(ctx: SyncTaskContext) -> str:
        def fails() -> None:
            raise ValueError("no")

        try:
            ctx.step.parallel(lambda: ctx.step.sleep("long", "1h"), lambda: ctx.step.run("fails", fails))
        except StepError as failure:
            return f"caught {failure.name}"
        return "?"

    start()
    run = tolerant.trigger()

    assert completed(run) == "caught ValueError"
    assert leftovers()["wait"] == 0
    assert not any("swallowed" in message for _, _, message in logs(run))


def test_two_maps_of_one_id_do_not_share_their_memos(start: StartEngine) -> None:
    @task()
    def mapping(ctx: SyncTaskContext) -> list[Any]:
        return [ctx.step.map("m", lambda n: n * 10, [start, start + 1, start + 2]) for start in (1, 4)]

    start()
    assert completed(mapping.trigger()) == [[10, 20, 30], [40, 50, 60]]


def test_finally_blocks_run_at_each_suspension_and_a_swallowed_one_is_reported(start: StartEngine) -> None:
    unwound: list[int] = []

    @task()
    def greedy(ctx: SyncTaskContext) -> Any:
        try:
            return ctx.step.wait_for_signal("go")
        except BaseException:
            return "swallowed"
        finally:
            unwound.append(1)

    start()
    run = greedy.trigger()
    until(run, "waiting")
    soon(lambda: any("swallowed its suspension" in message for _, _, message in logs(run)))
    send_signal(run, "go", "gone")

    assert completed(run) == "gone"
    assert len(unwound) == 2


def test_lines_printed_before_a_wait_that_is_open_already_are_kept(start: StartEngine) -> None:
    @task()
    def talking(ctx: SyncTaskContext) -> None:
        ctx.logger.info("called with attempt %s", ctx.attempt)
        ctx.step.parallel(lambda: ctx.step.wait_for_signal("a"), lambda: ctx.step.wait_for_signal("b"))

    start()
    run = talking.trigger()
    until(run, "waiting")
    send_signal(run, "a")
    soon(lambda: steps(run)["a"] == ["completed"] and run_row(run).status == "waiting")
    soon(lambda: len(logs(run)) == 2)
    send_signal(run, "b")
    completed(run)
    assert len(logs(run)) == 3


def test_an_async_body_in_a_sync_function_is_refused(start: StartEngine) -> None:
    async def body() -> None: ...

    @task(retries=0)
    def mixed(ctx: SyncTaskContext) -> None:
        ctx.step.run("body", body)

    start()
    run = mixed.trigger()
    assert ended(run).status == "failed"
    assert "make the function async" in (error(run) or {})["message"]
    assert children(run) == []
