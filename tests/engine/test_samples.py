"""Samples are bounded, scratch directories do not pile up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import TaskContext, task
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.samples import MOST, Sampling
from orchestrator.models import Progress, Sample
from tests.engine.conftest import StartEngine
from tests.engine.gates import Gate
from tests.engine.reading import completed, soon
from tests.engine.writers import new_id, sessions

pytestmark = pytest.mark.django_db(transaction=True)


def seconds(run: str) -> list[int]:
    return list(Sample.objects.filter(run=run).order_by("second").values_list("second", flat=True))


def test_a_run_of_an_hour_keeps_evenly_spaced_samples_also_when_another_process_goes_on() -> None:
    run = new_id()

    def measure(first: int, last: int) -> Callable[[Tx], None]:
        sampling = Sampling(run)

        def store(tx: Tx) -> None:
            for second in range(first, last):
                sampling.store(tx, second, 50.0, 1024)

        return store

    with sessions(1) as (engine,):
        engine.do(measure(0, MOST - 1))
        assert seconds(run) == list(range(MOST - 1))
        engine.do(measure(MOST - 1, 1000))
        assert seconds(run) == list(range(0, 1000, 2))
        engine.do(measure(1000, 3600))
        assert seconds(run) == list(range(0, 3600, 8))
    assert len(seconds(run)) < MOST


def test_directories_of_ended_runs_are_swept_when_an_engine_starts(start: StartEngine, tmp_path: Path) -> None:
    gate = Gate()

    @task()
    async def work(ctx: TaskContext, wait: bool) -> str:
        if wait:
            ctx.scratch.joinpath("kept").touch()
            await ctx.step.run("wait", gate.apass_through)
        return str(ctx.scratch)

    start(HOME=tmp_path)
    done = work.trigger(False)
    assert completed(done) == str(tmp_path / "scratch" / done)
    under_way, stranger = work.trigger(True), new_id()
    gate.reached()
    for left in (done, stranger, "notes"):
        (tmp_path / "scratch" / left).mkdir()
    gate.open()
    start.drain(0)

    start(HOME=tmp_path)
    soon(lambda: not (tmp_path / "scratch" / done).exists())
    completed(under_way)
    soon(lambda: {path.name for path in (tmp_path / "scratch").iterdir()} == {stranger, "notes"})


def test_any_run_can_say_how_far_it_is(start: StartEngine) -> None:
    @task()
    def work(ctx: TaskContext) -> None:
        for page in range(1000):
            ctx.progress(page / 500, f"  page\n{page} " + "x" * 300)

    start()
    run = work.trigger()
    completed(run)
    told = Progress.objects.get(run=run)
    assert told.fraction == 1
    assert told.message == f"page 999 {'x' * 190}…"
