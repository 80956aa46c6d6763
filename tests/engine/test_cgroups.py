"""Limits by the kernel: found where this process may set them, written as the kernel reads them."""

import os
from pathlib import Path

import pytest

from orchestrator.core.machines import MB, Machine
from orchestrator.executors.cgroups import Cgroup, Cgroups, find_cgroups
from orchestrator.executors.usage import Process, Usage, processes, usage

MACHINE = Machine(cpu=1.5, memory="512MB")


@pytest.fixture
def cgroup(tmp_path: Path) -> Cgroup:
    made = Cgroups(tmp_path).make(MACHINE)
    assert made is not None
    return made


def test_a_cgroup_says_memory_and_processor_as_the_kernel_reads_them(cgroup: Cgroup, tmp_path: Path) -> None:
    [path] = tmp_path.iterdir()
    cgroup.add(4711)
    assert (path / "memory.max").read_text() == str(512 * MB)
    assert (path / "cpu.max").read_text() == "150000 100000"
    assert (path / "cgroup.procs").read_text() == "4711"


def test_kills_for_lack_of_memory_are_counted(cgroup: Cgroup, tmp_path: Path) -> None:
    [path] = tmp_path.iterdir()
    assert cgroup.oom_kills == 0
    (path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 0\n")
    (path / "memory.peak").write_text("536870912\n")
    assert cgroup.oom_kills == 2
    assert cgroup.peak_bytes == 512 * MB


@pytest.mark.parametrize(
    "own, controls, found",
    [
        ("0::/app/engine", {"app": "cpu memory pids"}, True),  # a group of its own below one that passes them on
        ("0::/app", {"app": "cpu memory"}, True),
        ("0::/app", {"app": "pids"}, False),
        ("0::/app", {}, False),
        ("9:memory:/app", {"app": "cpu memory"}, False),  # version 1
    ],
)
def test_a_place_for_cgroups_is_found_where_controllers_are_passed_on(
    tmp_path: Path, own: str, controls: dict[str, str], found: bool
) -> None:
    root = tmp_path / "root"
    (root / "app" / "engine").mkdir(parents=True)
    for place, text in controls.items():
        (root / place / "cgroup.subtree_control").write_text(text)
    (tmp_path / "own").write_text(f"{own}\n")
    assert (find_cgroups(root, tmp_path / "own") is not None) == found


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
