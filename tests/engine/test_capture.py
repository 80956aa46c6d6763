"""What author code logs and prints is kept with its run, step and attempt."""

import asyncio
import logging
from typing import Any

import pytest

from orchestrator import Retries, SyncTaskContext, TaskContext, task
from orchestrator.engine.logs import LogBuffer
from orchestrator.models import Log
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, logs, soon
from tests.engine.writers import now

pytestmark = pytest.mark.django_db(transaction=True)

author = logging.getLogger("shop.orders")
author.setLevel(logging.DEBUG)


def test_lines_are_kept_by_step_and_attempt(start: StartEngine) -> None:
    calls: list[int] = []

    def body() -> None:
        calls.append(1)
        author.warning("charging, call %d", len(calls))
        if len(calls) == 1:
            raise RuntimeError("no")

    @task(retries=Retries(2, initial="10ms", jitter=0))
    async def shopping(ctx: TaskContext) -> None:
        ctx.logger.info("begins")
        await ctx.step.run("charge", body)
        author.debug("ends")

    start()
    run = shopping.trigger()
    completed(run)

    assert logs(run) == [
        ("", 1, "begins"),
        ("charge", 1, "charging, call 1"),
        ("charge", 2, "charging, call 2"),
        ("", 1, "ends"),
    ]
    levels = list(Log.objects.filter(run=run).order_by("id").values_list("level", "logger"))
    assert levels[1] == ("WARNING", "shop.orders")


def test_prints_are_kept_line_by_line(start: StartEngine, capsys: pytest.CaptureFixture[str]) -> None:
    @task()
    def printing(ctx: SyncTaskContext) -> None:
        print("one", "two")  # noqa: T201
        print("three\nfour", end="\n")  # noqa: T201

    start()
    run = printing.trigger()
    completed(run)

    assert logs(run) == [("", 1, "one two"), ("", 1, "three"), ("", 1, "four")]


def test_branches_do_not_mix_their_lines(start: StartEngine) -> None:
    async def chatter(name: str) -> None:
        for n in range(5):
            author.info("%s %d", name, n)
            await asyncio.sleep(0)

    @task()
    async def branching(ctx: TaskContext) -> None:
        await asyncio.gather(*(ctx.step.run(name, chatter, name) for name in "ab"))

    start()
    runs = [branching.trigger(), branching.trigger()]
    for run in runs:
        completed(run)
        for name in "ab":
            mine = [message for step, _, message in logs(run) if step == name]
            assert mine == [f"{name} {n}" for n in range(5)]


def test_lines_of_a_long_body_are_seen_before_it_ends(start: StartEngine) -> None:
    gate = Gate()

    def body() -> None:
        author.info("half way")
        gate.pass_through()

    @task()
    def long(ctx: SyncTaskContext) -> None:
        ctx.step.run("long", body)

    start()
    run = long.trigger()
    soon(lambda: logs(run) == [("long", 1, "half way")])
    gate.open()
    completed(run)


def test_an_exception_is_logged_with_its_traceback(start: StartEngine) -> None:
    @task()
    async def troubled(ctx: TaskContext) -> None:
        try:
            _ = {}["missing"]  # type: ignore[var-annotated]
        except KeyError:
            ctx.logger.exception("trouble")

    start()
    run = troubled.trigger()
    completed(run)
    [(_, _, message)] = logs(run)
    assert message.startswith("trouble\nTraceback")
    assert "KeyError: 'missing'" in message


def test_odd_lines_are_kept_as_well_as_they_can_be() -> None:
    buffer = LogBuffer()
    for message in ("nul \0, surrogate \ud800", "x" * 20_000):
        buffer.add("step", 1, now(), level="INFO", logger="shop", message=message)
    first, second = buffer.take("run")

    assert first.message == "nul �, surrogate ?"
    assert second.message.endswith("3616 characters left out")
    assert buffer.take("run") == []


def test_a_flood_of_lines_is_counted() -> None:
    buffer = LogBuffer()
    for n in range(1005):
        buffer.add("step", 1, now(), level="INFO", logger="shop", message=str(n))
    *_, last = rows = buffer.take("run")

    assert len(rows) == 1001
    assert last.message == "5 more lines dropped"


def test_what_is_logged_outside_runs_is_not_kept(start: StartEngine) -> None:
    @task()
    async def quiet(ctx: TaskContext) -> Any:
        return None

    start()
    author.info("nobody's")
    completed(quiet.trigger())
    assert not Log.objects.exists()
