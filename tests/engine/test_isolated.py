"""Runs with a machine: a process of their own, its limits, its files, its end."""

import logging
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.core.machines import GB, MB
from orchestrator.engine.cancel import cancel_run
from orchestrator.engine.host import EngineHost
from orchestrator.executors import nursery, process
from orchestrator.models import Log, Progress, Run, Sample
from tests.engine import jobs
from tests.engine.conftest import StartEngine
from tests.engine.processes import CHILD_SECONDS, begun, declare_jobs, doomed_engine, lives, place
from tests.engine.reading import attempts, completed, ended, error, journal, run_row, soon, steps, until
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_with_a_machine_has_a_process_of_its_own_with_these_limits(isolating: EngineHost) -> None:
    told = completed(jobs.tell_limits.trigger(), within_seconds=CHILD_SECONDS)
    assert told["pid"] != os.getpid()
    assert told["cores"] == (1 if place() is None else len(os.sched_getaffinity(0)))  # the kernel counts time instead
    assert told["data"] == 2 * GB + 256 * MB


def test_files_last_from_step_to_step_and_over_a_lost_process_and_go_with_the_run(
    isolating: EngineHost, tmp_path: Path
) -> None:
    run = jobs.keep_notes.trigger()
    assert completed(run, within_seconds=CHILD_SECONDS) == ["first", "second"]
    assert steps(run)["second"] == ["lost", "completed"]
    soon(lambda: not list((tmp_path / "scratch").iterdir()))


def test_memory_that_is_refused_fails_the_attempt_and_says_why(isolating: EngineHost) -> None:
    run = jobs.ask_for_too_much.trigger()
    assert ended(run, within_seconds=CHILD_SECONDS).status == "failed"
    assert steps(run)["ask"] == ["failed", "failed"]
    told = error(run)
    assert told is not None
    assert told["type"] == "OutOfMemory"
    assert "the limit of small-1x (0.5 CPU, 512 MB)" in told["message"]
    assert "it held at most" in told["message"]


def test_a_run_that_outgrows_its_machine_goes_on_with_a_larger_one(isolating: EngineHost) -> None:
    run = jobs.outgrow.trigger()
    assert completed(run, within_seconds=CHILD_SECONDS) == 600 * MB
    assert steps(run)["fill"] == ["lost", "completed"]
    [enlarged] = [entry for entry in journal(run) if entry.kind == "run.enlarged"]
    assert enlarged.data["machine"] == "1 CPU, 1 GB"
    assert enlarged.data["steps"] == ["fill"]
    [lost, _] = [attempt for attempt in attempts(run) if attempt.key == "fill"]
    assert lost.error["type"] == "OutOfMemory"
    assert run_row(run).lost == 0


def test_processes_that_hold_too_much_are_killed_and_the_step_is_tried_again(isolating: EngineHost) -> None:
    run = jobs.hold_too_much.trigger()
    assert completed(run, within_seconds=CHILD_SECONDS) == 2
    assert steps(run)["hold"] == ["failed", "completed"]
    [failed, _] = [attempt for attempt in attempts(run) if attempt.key == "hold"]
    assert failed.error["type"] == "OutOfMemory"
    assert "the limit is 1 CPU, 192 MB" in failed.error["message"]


def test_a_run_that_executes_for_too_long_is_unwound_and_has_timed_out(isolating: EngineHost, tmp_path: Path) -> None:
    told = tmp_path / "told"
    run = jobs.overrun.trigger(str(told))
    until(run, "timed_out", within_seconds=CHILD_SECONDS)
    failed = error(run)
    assert failed is not None
    assert failed["type"] == "MaxDurationExceeded"
    assert "700 ms" in failed["message"]
    mourner = soon(lambda: Run.objects.filter(function="overrun/on-failure").first())
    assert completed(mourner.id) == "MaxDurationExceeded"
    assert told.read_text() == "cleaned up"


def test_cancelling_cleans_up_first_and_ends_what_the_process_has_started(
    isolating: EngineHost, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    run = jobs.wait_to_be_cancelled.trigger(str(told))
    begun(told.exists)
    child, sleeper = map(int, told.read_text().split())
    assert lives(child)
    assert lives(sleeper)

    cancel_run(run, actor="test", reason="")

    assert ended(run).status == "cancelled"
    soon(lambda: not lives(child) and not lives(sleeper))
    assert Path(f"{told}.end").read_text() == "cleaned up"


def test_a_daemon_that_holds_the_streams_of_a_run_does_not_hold_its_place(
    isolating: EngineHost, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    run = jobs.leave_a_daemon.trigger(str(told))
    begun(told.exists)
    daemon = int(told.read_text().split()[1])
    try:
        cancel_run(run, actor="test", reason="")
        soon(lambda: isolating._isolated.idle)
    finally:
        with suppress(ProcessLookupError):  # a cgroup has ended it
            os.kill(daemon, signal.SIGKILL)


def test_code_that_swallows_its_end_is_killed(
    isolating: EngineHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TERMINATE_SECONDS", 0.1)
    told = tmp_path / "told"
    run = jobs.swallow_everything.trigger(str(told))
    begun(told.exists)
    child = int(told.read_text())

    cancel_run(run, actor="test", reason="")

    soon(lambda: not lives(child))
    assert ended(run).status == "cancelled"


def test_what_native_code_and_programs_write_is_in_the_log(isolating: EngineHost) -> None:
    run = jobs.say_much.trigger()
    completed(run, within_seconds=CHILD_SECONDS)
    wanted = {("stdout", "native out"), ("stderr", "native err"), ("stdout", "from a program")}
    soon(lambda: wanted == set(Log.objects.filter(run=run).values_list("logger", "message")))


def test_progress_and_samples_are_stored_while_the_run_executes(isolating: EngineHost, tmp_path: Path) -> None:
    told = tmp_path / "told"
    run = jobs.report.trigger(str(told))
    latest = begun(lambda: Progress.objects.filter(run=run, message="half of it").first())
    sample = begun(lambda: Sample.objects.filter(run=run, cpu_percent__gt=0, memory_bytes__gt=20 * MB).first())
    assert latest.fraction == 0.5
    assert sample.memory_bytes < 512 * MB
    assert sample.second >= 0

    told.touch()

    completed(run)
    assert Progress.objects.get(run=run).message == "all of it"


def test_a_further_run_finds_a_process_that_has_set_itself_up(start: StartEngine) -> None:
    declare_jobs()
    engine = start()
    first = completed(jobs.tell_process.trigger(), within_seconds=CHILD_SECONDS)
    spare = soon(lambda: engine._isolated.spare_pid)
    assert spare != first

    assert completed(jobs.tell_process.trigger(), within_seconds=CHILD_SECONDS) == spare


def test_a_process_for_one_run_loads_no_web_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: StartEngine
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.engine.web_settings")
    declare_jobs()
    start(HOME=tmp_path, SPARE_PROCESS=False)
    loaded = completed(jobs.tell_modules.trigger(), within_seconds=CHILD_SECONDS)
    assert "orchestrator.workers.execution" in loaded
    served = {"daphne", "twisted", "autobahn", "ninja", "plotly"}
    assert not [name for name in loaded if name.partition(".")[0] in served]
    assert not [name for name in loaded if name.startswith(("channels.routing", "channels.consumer", "console.asgi"))]


def test_an_engine_says_once_who_keeps_the_limits(isolating: EngineHost, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, nursery.__name__)
    for _ in range(2):
        completed(jobs.tell_process.trigger(), within_seconds=CHILD_SECONDS)
    [record] = [record for record in caplog.records if record.name == nursery.__name__]
    if (group := place()) is not None:
        assert record.message == "isolation.cgroups"
        assert vars(record)["below"].startswith(str(group))
    else:
        assert (record.levelname, record.message) == ("WARNING", "isolation.without_cgroups")
        assert "cgroup" in vars(record)["reason"]


def test_nothing_survives_an_engine_that_is_killed(tmp_path: Path) -> None:
    """Neither the process of its run nor what that process has started."""
    told = tmp_path / "told"
    doomed = doomed_engine(told)
    try:
        begun(told.exists)
        child, sleeper = map(int, told.read_text().split())
        assert lives(child)
        assert lives(sleeper)
    finally:
        doomed.kill()
        doomed.wait()
    eventually(lambda: not lives(child) and not lives(sleeper))


def test_an_engine_that_is_the_first_process_of_a_container_executes_runs_with_a_machine(tmp_path: Path) -> None:
    container = ("unshare", "--user", "--map-root-user", "--pid", "--mount-proc", "--fork", "--kill-child")
    if not shutil.which("unshare") or subprocess.run([*container, "true"], capture_output=True).returncode:
        pytest.skip("needs `unshare` and the right to make namespaces of users and processes")
    told = tmp_path / "told"
    doomed = doomed_engine(told, *container)
    try:
        begun(told.exists)
    finally:
        doomed.kill()
        doomed.wait()
