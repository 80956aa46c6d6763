"""Limits by the kernel: found where this process may set them, written as the kernel reads them.

Files stand for cgroups here; `test_kernel_limits` has real ones.
"""

import os
from pathlib import Path

import pytest

from orchestrator.core.machines import MB, Machine
from orchestrator.executors.cgroups import Cgroup
from orchestrator.executors.places import NoPlace, find_place
from orchestrator.executors.usage import Process, Usage, processes, usage

MACHINE = Machine(cpu=1.5, memory="512MB")


@pytest.fixture
def cgroup(tmp_path: Path) -> Cgroup:
    return Cgroup(tmp_path / "group")


def test_a_cgroup_says_memory_and_processor_as_the_kernel_reads_them(cgroup: Cgroup) -> None:
    cgroup.add(4711)
    cgroup.limit_memory(MACHINE)
    cgroup.limit_processor(MACHINE)
    assert (cgroup.path / "memory.max").read_text() == str(512 * MB)
    assert (cgroup.path / "memory.oom.group").read_text() == "1"
    assert (cgroup.path / "cpu.max").read_text() == "150000 100000"
    assert (cgroup.path / "cgroup.procs").read_text() == "4711"


def test_the_kernel_is_never_asked_for_less_than_a_millisecond(cgroup: Cgroup) -> None:
    cgroup.limit_processor(Machine(cpu=0.001, memory="64MB"))
    assert (cgroup.path / "cpu.max").read_text() == "1000 100000"


def test_kills_for_lack_of_memory_are_told_apart_by_whose_limit_it_was(cgroup: Cgroup) -> None:
    events = cgroup.path / "memory.events"
    assert not cgroup.out_of_memory
    events.write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 1\n")
    (cgroup.path / "memory.peak").write_text("536870912\n")
    assert cgroup.out_of_memory
    assert not cgroup.starved_by_others
    assert cgroup.peak_bytes == 512 * MB
    events.write_text("low 0\nhigh 0\nmax 0\noom 0\noom_kill 2\noom_group_kill 1\n")
    assert not cgroup.out_of_memory
    assert cgroup.starved_by_others


def test_files_that_the_kernel_may_forget_are_no_used_memory(cgroup: Cgroup) -> None:
    (cgroup.path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n")
    (cgroup.path / "memory.current").write_text(f"{300 * MB}\n")
    (cgroup.path / "memory.stat").write_text(f"anon {100 * MB}\ninactive_file {180 * MB}\nactive_file {20 * MB}\n")
    assert cgroup.used == Usage(2.5, 120 * MB)


NOT_OURS = "is not delegated to this process"


@pytest.mark.parametrize(
    "own, controls, found",
    [
        ("0::/", {".": "cpu memory pids"}, "."),  # a container's own tree
        ("0::/engine", {".": "cpu memory"}, "."),  # as it is after the first engine
        ("0::/app/engine", {"app": "cpu memory"}, NOT_OURS),  # others' groups, even if they may be written
        ("0::/engine", {}, "passes no controllers on"),
        ("9:memory:/app", {"app": "cpu memory"}, "no cgroups of version 2"),
    ],
)
def test_a_place_for_cgroups_is_a_group_that_was_given_to_this_process(
    tmp_path: Path, own: str, controls: dict[str, str], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    root = tmp_path / "root"
    (root / "app" / "engine").mkdir(parents=True)
    (root / "cgroup.controllers").write_text("cpu memory")
    for place, text in controls.items():
        (root / place / "cgroup.subtree_control").write_text(text)
    (tmp_path / "own").write_text(f"{own}\n")
    try:
        assert find_place(root, tmp_path / "own") == root / found
    except NoPlace as error:
        assert found in str(error)  # noqa: PT017 - either a place or a reason


def test_a_unit_that_systemd_has_delegated_is_a_place(tmp_path: Path) -> None:
    unit = tmp_path / "system.slice" / "signalbox-worker@default.service"
    unit.mkdir(parents=True)
    try:
        os.setxattr(unit, "user.delegate", b"1")
    except OSError as error:
        pytest.skip(f"NOT TESTED, delegation by systemd: {error}")
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (unit / "cgroup.subtree_control").write_text("cpu memory")
    (tmp_path / "own").write_text(f"0::/{unit.relative_to(tmp_path)}\n")
    assert find_place(tmp_path, tmp_path / "own") == unit


def test_what_a_process_uses_includes_what_it_has_started() -> None:
    running = [
        Process(10, 1, 10, 1.0, 100 * MB),
        Process(11, 10, 10, 2.0, 50 * MB),
        Process(12, 11, 12, 4.0, 25 * MB),  # in a session of its own
        Process(13, 1, 10, 8.0, 5 * MB),  # its parent has ended
        Process(99, 1, 99, 64.0, 999 * MB),
    ]
    assert usage({10}, running) == {10: Usage(15.0, 180 * MB)}


def test_this_process_is_found_with_its_memory() -> None:
    [me] = [process for process in processes() if process.pid == os.getpid()]
    assert me.parent == os.getppid()
    assert me.memory_bytes > 20 * MB
    assert me.cpu_seconds > 0
