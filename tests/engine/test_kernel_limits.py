"""What the kernel does with real cgroups. CONTRIBUTING.md says how to run these where pytest has none of its own."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.core.machines import MB, Machine
from orchestrator.engine.cancel import cancel_run
from orchestrator.engine.host import EngineHost
from orchestrator.executors.cgroups import Cgroups
from orchestrator.executors.places import NoPlace, find_place
from orchestrator.models import Sample
from tests.engine import jobs
from tests.engine.conftest import StartEngine
from tests.engine.processes import CHILD_SECONDS, begun, declare_jobs, doomed_engine, lives
from tests.engine.reading import completed, ended, error, run_row, soon, steps
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def place() -> Path:
    """Where this process may make cgroups."""
    try:
        return find_place()
    except NoPlace as error:
        pytest.skip(f"NOT TESTED, limits by the kernel: {error}; see CONTRIBUTING.md")


@pytest.fixture
def groups(place: Path) -> Callable[[], list[str]]:
    """Of all children of all engines."""
    return lambda: [str(path) for path in place.glob("signalbox-*/*/")]


def test_a_run_that_holds_more_than_its_machine_has_goes_on_with_a_larger_one(
    isolating: EngineHost, groups: Callable[[], list[str]]
) -> None:
    run = jobs.fill_slowly.trigger()
    assert completed(run, within_seconds=CHILD_SECONDS) == 400 * MB
    assert steps(run)["fill"] == ["lost", "completed"]
    assert run_row(run).lost == 0
    soon(lambda: not groups())


def test_memory_that_a_started_program_holds_is_the_runs_own(isolating: EngineHost) -> None:
    run = jobs.let_a_helper_fill.trigger()
    assert ended(run, within_seconds=CHILD_SECONDS).status == "failed"
    told = error(run)
    assert told is not None
    assert told["type"] == "OutOfMemory"
    assert "the limit is micro (0.25 CPU, 256 MB)" in told["message"]


def test_a_quarter_of_a_core_is_a_quarter_for_all_processes_together(isolating: EngineHost) -> None:
    run = jobs.spin.trigger()
    share = completed(run, within_seconds=CHILD_SECONDS)
    assert 0.1 < share < 0.33  # a period more or less of three seconds
    [most] = Sample.objects.filter(run=run).order_by("-cpu_percent").values_list("cpu_percent", flat=True)[:1]
    assert most > 10


def test_a_daemon_ends_with_its_run(isolating: EngineHost, tmp_path: Path, groups: Callable[[], list[str]]) -> None:
    told = tmp_path / "told"
    run = jobs.leave_a_daemon.trigger(str(told))
    begun(told.exists)
    child, daemon = map(int, told.read_text().split())
    assert lives(daemon)

    cancel_run(run, actor="test", reason="")

    assert ended(run).status == "cancelled"
    soon(lambda: not lives(child) and not lives(daemon))
    soon(lambda: not groups())


def test_a_daemon_ends_with_an_engine_that_is_killed_and_the_next_removes_the_groups(
    start: StartEngine, tmp_path: Path, place: Path
) -> None:
    told = tmp_path / "told"
    doomed = doomed_engine(told, job="leave_a_daemon")
    try:
        begun(told.exists)
        child, daemon = map(int, told.read_text().split())
        [left] = place.glob(f"signalbox-{doomed.pid}.*")
    finally:
        doomed.kill()
        doomed.wait()
    eventually(lambda: not lives(child) and not lives(daemon))
    assert left.exists()

    declare_jobs()
    start(SPARE_PROCESS=False)
    completed(jobs.tell_process.trigger(), within_seconds=CHILD_SECONDS)

    assert not left.exists()


def test_groups_of_an_engine_that_lives_are_left_alone(place: Path) -> None:
    living, other = Cgroups(place), Cgroups(place)
    assert living.path.exists()
    assert living.path != other.path
    for each in (living, other):
        each.close()
        assert not each.path.exists()


def test_the_least_machine_is_one_that_the_kernel_takes(place: Path) -> None:
    cgroups = Cgroups(place)
    with subprocess.Popen(["sleep", "60"]) as process:
        cgroup = cgroups.make(process.pid)
        cgroup.limit_processor(Machine(cpu=0.001, memory="64MB"))
        cgroup.remove()
    assert process.returncode == -signal.SIGKILL
    soon(cgroup.remove)
    cgroups.close()
