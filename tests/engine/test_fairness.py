"""Fairness: a tenant with few runs does not wait for all those of one with many."""

from typing import Any

from orchestrator import Concurrency, Context, Fairness, TaskContext, Throttle, function, send, task
from orchestrator.core.controls import Priority
from orchestrator.core.pausing import PauseKind
from orchestrator.engine.pauses import pause, resume
from orchestrator.models import Limit, Run
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, soon

FAIR = Fairness("event.data.tenant", weight="event.data.weight")


def send_many(tenant: str, count: int, *, weight: float = 1) -> None:
    for n in range(count):
        send("job/asked", {"tenant": tenant, "n": n, "weight": weight})


def note_tenants(*flow: Any) -> tuple[list[str], Gate]:
    """Declares a function whose runs note their tenant in the order in which they execute; the first one holds on."""
    order: list[str] = []
    gate = Gate()

    @function("job/asked", flow=[FAIR, *flow])
    async def fair(ctx: Context[Any]) -> None:
        if ctx.event.data["tenant"] == "holder":
            await ctx.step.run("hold", gate.apass_through)
            return
        await ctx.step.run("note", lambda: order.append(ctx.event.data["tenant"]))

    return order, gate


def open_for(gate: Gate, order: list[str], count: int) -> None:
    gate.open()
    soon(lambda: len(order) == count)
    soon(lambda: not Run.objects.filter(ended_at=None).exists())


def test_runs_held_at_a_full_limit_are_let_go_in_turns(start: StartEngine) -> None:
    order, gate = note_tenants(Concurrency(1))
    start()
    send("job/asked", {"tenant": "holder"})
    gate.reached()
    send_many("a", 100)
    send_many("b", 10)
    open_for(gate, order, 110)
    assert order[:24].count("b") == 10


def test_runs_that_wait_for_room_in_the_worker_are_claimed_in_turns(start: StartEngine) -> None:
    order, gate = note_tenants()
    start(CONCURRENCY=1)
    send("job/asked", {"tenant": "holder"})
    gate.reached()
    send_many("a", 60)
    send_many("b", 10)
    open_for(gate, order, 70)
    assert order[:24].count("b") == 10


def test_weights_share_the_turns_out(start: StartEngine) -> None:
    order, gate = note_tenants(Concurrency(1))
    start()
    send("job/asked", {"tenant": "holder"})
    gate.reached()
    send_many("free", 30)
    send_many("paid", 30, weight=3)
    open_for(gate, order, 60)
    assert 13 <= order[:20].count("paid") <= 16


def test_a_tenant_that_comes_later_finds_the_turns_where_they_are(start: StartEngine) -> None:
    order, gate = note_tenants(Concurrency(1))
    start()
    send_many("a", 20)
    soon(lambda: len(order) == 20)
    send("job/asked", {"tenant": "holder"})
    gate.reached()
    send_many("b", 20)
    send_many("a", 20)
    open_for(gate, order, 60)
    assert 8 <= order[20:40].count("a") <= 12


def test_what_a_pause_has_held_goes_on_in_turns(start: StartEngine) -> None:
    order, gate = note_tenants(Concurrency(1))
    gate.open()
    start()
    pause(PauseKind.FUNCTION, "fair")
    send_many("a", 40)
    send_many("b", 5)
    soon(lambda: Run.objects.exclude(gate=None).count() == 45)
    resume(PauseKind.FUNCTION, "fair")
    soon(lambda: len(order) == 45)
    assert order[:14].count("b") == 5


def test_children_that_a_parent_waits_for_take_turns_too(start: StartEngine) -> None:
    order: list[str] = []

    @task(flow=[Concurrency(1), Fairness("event.data.tenant")])
    async def part(ctx: TaskContext, tenant: str) -> None:
        await ctx.step.run("note", lambda: order.append(tenant))

    @task()
    async def whole(ctx: TaskContext, tenant: str, parts: int) -> None:
        await ctx.step.map("parts", part, [tenant] * parts)

    start()
    pause(PauseKind.FUNCTION, "part")
    many = whole.trigger("a", 40)
    soon(lambda: Run.objects.filter(function="part").exclude(gate=None).count() == 40)
    few = whole.trigger("b", 5)
    soon(lambda: Run.objects.filter(function="part").exclude(gate=None).count() == 45)
    resume(PauseKind.FUNCTION, "part")
    for run in (many, few):
        completed(run)
    assert order[:14].count("b") == 5


def test_a_run_that_has_had_its_turn_goes_on_before_those_that_have_not(start: StartEngine) -> None:
    order: list[str] = []
    gate = Gate()

    @task(flow=[Concurrency(1), Fairness("event.data.tenant"), Priority(0)])
    async def napping(ctx: TaskContext, tenant: str) -> None:
        if tenant == "holder":
            await ctx.step.run("hold", gate.apass_through)
            return
        await ctx.step.run("before", lambda: order.append("before"))
        await ctx.step.sleep("nap", "1ms")
        await ctx.step.run("after", lambda: order.append("after"))

    start()
    holder = napping.trigger("holder")
    gate.reached()
    runs = [napping.trigger("a") for _ in range(10)]
    gate.open()
    for run in (holder, *runs):
        completed(run)
    assert order.count("after") == 10
    assert order.index("after") < 12


def test_fairness_goes_with_a_throttle(start: StartEngine) -> None:
    order, gate = note_tenants(Throttle(500, "1s"))
    gate.open()
    start()
    pause(PauseKind.FUNCTION, "fair")
    send_many("a", 30)
    send_many("b", 5)
    soon(lambda: Run.objects.exclude(gate=None).count() == 35)
    resume(PauseKind.FUNCTION, "fair")
    soon(lambda: len(order) == 35)
    assert order[:14].count("b") == 5


def test_what_is_known_of_the_turns_is_forgotten_in_the_end(start: StartEngine) -> None:
    order, gate = note_tenants(Concurrency(1))
    start()
    send("job/asked", {"tenant": "holder"})
    gate.reached()
    send_many("a", 3)
    open_for(gate, order, 3)
    turns = Limit.objects.filter(target__in=["fairness:fair", "turns:fair"])
    assert {row.target for row in turns} == {"fairness:fair", "turns:fair"}
    assert all(row.expires_at is not None for row in turns)
