"""Functions with limits, which tell when they were inside, and where."""

import os
import time
from pathlib import Path
from typing import Any

from orchestrator import Concurrency, Context, Fairness, SyncContext, Throttle, function
from orchestrator.models import Run
from tests.eventually import eventually

LOOKS = 5
FOLDER = Path(os.environ.get("FLOW_FOLDER", "."))


def visit(name: str) -> None:
    """Two lines of one clock: when a body came in and when it went; between them it looks at the database."""
    came = time.monotonic_ns()
    for _ in range(LOOKS):
        Run.objects.count()
    line = f"{name} {came} {time.monotonic_ns()} {os.getpid()}\n"
    with (FOLDER / "visits").open("a") as visits:
        visits.write(line)


def hold(name: str) -> None:
    """Comes in and stays there until the test says that it may go."""
    (FOLDER / f"held-by-{os.getpid()}").touch()
    eventually((FOLDER / "go").exists, within_seconds=120)
    visit(name)


@function("flow/limited", flow=[Concurrency(3)])
def limited(ctx: SyncContext[Any]) -> None:
    ctx.step.run("visit", visit, "limited")


@function("flow/keyed", flow=[Concurrency(4), Concurrency(2, key="event.data.tenant")])
def keyed(ctx: SyncContext[Any]) -> None:
    ctx.step.run("visit", visit, f"keyed-{ctx.event.data['tenant']}")


@function("flow/throttled", flow=[Throttle(5, "2s")])
async def throttled(ctx: Context[Any]) -> None: ...


@function("flow/nearly-never", flow=[Throttle(1, "1h")])
async def nearly_never(ctx: Context[Any]) -> None: ...


@function("flow/fair", flow=[Concurrency(5), Fairness("event.data.tenant")])
async def fair(ctx: Context[Any]) -> None: ...


@function("flow/held", flow=[Concurrency(2)])
def held(ctx: SyncContext[Any]) -> None:
    ctx.step.run("hold", hold, "held")
