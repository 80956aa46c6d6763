"""Tasks for processes of their own: a child imports this module to know them."""

import asyncio
import os
import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from orchestrator import Context, Machine, Retries, RunFailed, SyncTaskContext, TaskContext, task

MB = 1024 * 1024
TWICE = Retries(2, initial="10ms", jitter=0)
TIGHT = Machine(cpu=1, memory="192MB")
WIDE = Machine(cpu=1, memory="1GB")


def rest() -> None:
    """For as long as a test is patient; what unwinds threads reaches it between two waits."""
    nothing = threading.Event()
    for _ in range(3000):
        nothing.wait(0.01)


def write(path: str, text: str) -> None:
    """Nobody sees half of it."""
    Path(f"{path}.new").write_text(text)
    Path(f"{path}.new").rename(path)


def spawn_a_sleeper() -> int:
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]).pid


@task(machine="medium-1x", retries=TWICE)
async def tell_limits(ctx: TaskContext) -> dict[str, int]:
    def look() -> dict[str, int]:
        data, _ = resource.getrlimit(resource.RLIMIT_DATA)
        return {"pid": os.getpid(), "cores": len(os.sched_getaffinity(0)), "data": data}

    return await ctx.step.run("look", look)


@task(machine="small-2x", retries=TWICE)
async def keep_notes(ctx: TaskContext) -> list[str]:
    def write(name: str) -> str:
        path = ctx.scratch / name
        path.write_text(name)
        if ctx.step_attempt == 1 and name == "second":
            os._exit(3)
        return str(path)

    await ctx.step.run("first", write, "first")
    await ctx.step.run("second", write, "second")
    return sorted(path.name for path in ctx.scratch.iterdir())


@task(machine="small-1x", retries=TWICE)
def ask_for_too_much(ctx: SyncTaskContext) -> int:
    return ctx.step.run("ask", lambda: len(bytearray(4096 * MB)))


@task(machine=TIGHT, on_out_of_memory=WIDE, retries=0)
async def outgrow(ctx: TaskContext) -> int:
    """Asks for more than the first machine has, which refuses it."""
    return await ctx.step.run("fill", lambda: len(bytearray(600 * MB)))


@task(machine=TIGHT, retries=TWICE)
def hold_too_much(ctx: SyncTaskContext) -> int:
    """Holds more than it may, in portions that nobody refuses."""

    def hold() -> int:
        if ctx.step_attempt == 2:
            return 2
        held = b"x" * (200 * MB)
        rest()
        return len(held)

    return ctx.step.run("hold", hold)


@task(machine="small-1x", max_duration="700ms", retries=0)
def overrun(ctx: SyncTaskContext, told: str) -> None:
    def work() -> None:
        try:
            rest()
        finally:
            Path(told).write_text("cleaned up")

    ctx.step.run("work", work)


@overrun.on_failure
async def mourn(ctx: Context[RunFailed]) -> str:
    return ctx.event.data.error.type


@task(machine="small-1x")
async def wait_to_be_cancelled(ctx: TaskContext, told: str) -> None:
    async def work() -> None:
        write(told, f"{os.getpid()} {spawn_a_sleeper()}")
        try:
            await asyncio.Event().wait()
        finally:
            write(f"{told}.end", "cleaned up")

    await ctx.step.run("work", work)


@task(machine="small-1x")
def swallow_everything(ctx: SyncTaskContext, told: str) -> None:
    def work() -> None:
        write(told, str(os.getpid()))
        while True:
            with suppress(BaseException):
                rest()

    ctx.step.run("work", work)


@task(machine="small-1x")
async def say_much(ctx: TaskContext) -> None:
    def speak() -> None:
        os.write(1, b"native out\n")
        os.write(2, b"native err\n")
        subprocess.run(["/bin/echo", "from a program"], check=True)

    await ctx.step.run("speak", speak)


@task(machine="small-1x")
async def report(ctx: TaskContext, told: str) -> None:
    def work() -> None:
        for page in range(1000):
            ctx.progress(page / 1000, f"page {page}")
        ctx.progress(0.5, "half of it")
        while not Path(told).exists():
            sum(range(10_000))
            threading.Event().wait(0.005)
        ctx.progress(1, "all of it")

    await ctx.step.run("work", work)


@task(machine="small-1x")
async def tell_process(ctx: TaskContext) -> int:
    return os.getpid()


@task(machine="small-1x")
async def tell_modules(ctx: TaskContext) -> list[str]:
    return sorted(sys.modules)


FILL = "import signal; held = [b'x' * 10_000_000 for _ in range(40)]; signal.pause()"
DAEMON = (
    "import os, signal; os.setsid(); print(os.getpid(), flush=True) if os.fork() == 0 else os._exit(0); signal.pause()"
)


@task(machine="micro", on_out_of_memory="small-2x", retries=0)
async def fill_slowly(ctx: TaskContext) -> int:
    """Nobody refuses the portions; together they are more than the first machine has."""
    return await ctx.step.run("fill", lambda: sum(map(len, [b"x" * (10 * MB) for _ in range(40)])))


@task(machine="micro", retries=0)
def let_a_helper_fill(ctx: SyncTaskContext) -> None:
    ctx.step.run("help", lambda: subprocess.run([sys.executable, "-c", FILL], check=True) and None)


@task(machine="micro")
def spin(ctx: SyncTaskContext) -> float:
    """The share of a core that two threads and a program got together."""

    def turn() -> float:
        until = time.monotonic() + 3
        helper = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        while time.monotonic() < until:
            sum(range(1000))
        helper.kill()
        helper.wait()
        used = os.times()
        return (used.user + used.system + used.children_user + used.children_system - before) / (
            time.monotonic() - began
        )

    began, before = time.monotonic(), sum(os.times()[:4])
    return ctx.step.run("turn", turn)


@task(machine="small-1x")
def leave_a_daemon(ctx: SyncTaskContext, told: str) -> None:
    """It has another session and another parent: only its cgroup tells whose it is."""

    def work() -> None:
        with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            write(told, f"{os.getpid()} {program.stdout.readline()}")
            rest()

    ctx.step.run("work", work)


JOBS = (
    tell_limits, keep_notes, ask_for_too_much, outgrow, hold_too_much, overrun, wait_to_be_cancelled, say_much, report,
    tell_process, tell_modules, swallow_everything, fill_slowly, let_a_helper_fill, spin, leave_a_daemon,
)  # fmt: skip
