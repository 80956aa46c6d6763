"""Machines: presets by name, numbers of one's own, and what is refused."""

import pytest

from orchestrator import Machine
from orchestrator.core.errors import InvalidFunction
from orchestrator.core.machines import GB, MB, PRESETS, machine_of, size_text


def test_presets_have_the_sizes_that_users_of_trigger_dev_know() -> None:
    assert {name: (machine.cpu, machine.memory_bytes / GB) for name, machine in PRESETS.items()} == {
        "micro": (0.25, 0.25),
        "small-1x": (0.5, 0.5),
        "small-2x": (1, 1),
        "medium-1x": (1, 2),
        "medium-2x": (2, 4),
        "large-1x": (4, 8),
        "large-2x": (8, 16),
    }


@pytest.mark.parametrize(
    "memory, size",
    [("512MB", 512 * MB), ("1.5 GB", 1536 * MB), ("2GiB", 2 * GB), ("100m", 100 * MB), (128 * MB, 128 * MB)],
)
def test_memory_is_text_with_a_unit_or_bytes(memory: str | int, size: int) -> None:
    assert Machine(cpu=1, memory=memory).memory_bytes == size


@pytest.mark.parametrize("cpu, cores", [(0.25, 1), (1, 1), (1.5, 2), (8, 8)])
def test_a_part_of_a_core_takes_a_whole_one_where_only_whole_ones_can_be_given(cpu: float, cores: int) -> None:
    assert Machine(cpu=cpu, memory="1GB").cores == cores


@pytest.mark.parametrize("memory", ["", "4", "four GB", "4TB", "1MB", 0, -1, True, None, 1.5])
def test_memory_that_cannot_be_is_refused_with_a_way_out(memory: object) -> None:
    with pytest.raises(InvalidFunction, match='write "512MB", "4GB" or bytes, at least 64 MB'):
        Machine(cpu=1, memory=memory)  # type: ignore[arg-type]


@pytest.mark.parametrize("cpu", [0, -1, True, "1", 5000, float("nan")])
def test_cpu_that_cannot_be_is_refused(cpu: object) -> None:
    with pytest.raises(InvalidFunction, match="give a number of cores"):
        Machine(cpu=cpu, memory="1GB")  # type: ignore[arg-type]


def test_an_unknown_preset_is_refused_with_the_names_of_the_known_ones() -> None:
    with pytest.raises(InvalidFunction, match=r"machine is 'huge': give micro, small-1x, .* or Machine\("):
        machine_of("huge")


def test_sizes_and_machines_are_shown_as_people_write_them() -> None:
    assert [size_text(n) for n in (1536 * MB, GB, 300 * MB, int(2.5 * MB))] == ["1.5 GB", "1 GB", "300 MB", "2.5 MB"]
    assert str(PRESETS["micro"]) == "micro (0.25 CPU, 256 MB)"
    assert str(Machine(cpu=2, memory="4GB")) == "2 CPU, 4 GB"
