"""How much processor and memory a run's own process may use: presets, or numbers of one's own."""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from orchestrator.core.errors import InvalidFunction

Preset = Literal["micro", "small-1x", "small-2x", "medium-1x", "medium-2x", "large-1x", "large-2x"]
GB = 1024**3
MB = 1024**2
LEAST_MEMORY = 64 * MB  # an interpreter with Django needs as much
MOST_CPU = 1024
UNITS = {"m": MB, "mb": MB, "mib": MB, "g": GB, "gb": GB, "gib": GB}
SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([a-z]+)")


def size_text(size_bytes: int) -> str:
    """Such as "512 MB" or "1.5 GB"."""
    if size_bytes >= GB:
        return f"{round(size_bytes / GB, 2):g} GB"
    return f"{round(size_bytes / MB, 1 if size_bytes < 10 * MB else None):g} MB"


def _bytes(memory: object) -> int:
    size = -1
    if isinstance(memory, int) and not isinstance(memory, bool):
        size = memory
    elif isinstance(memory, str) and (found := SIZE.fullmatch(memory.strip().lower())):
        size = int(float(found[1]) * UNITS.get(found[2], 0))
    if size < LEAST_MEMORY:
        raise InvalidFunction(
            f'memory is {memory!r}: write "512MB", "4GB" or bytes, at least {size_text(LEAST_MEMORY)}'
        )
    return size


@dataclass(frozen=True, slots=True, init=False)
class Machine:
    """Limits of a run's process: ``Machine(cpu=2, memory="4GB")``. A GB has 1024 MB, an MB 1024 * 1024 bytes."""

    cpu: float
    memory_bytes: int
    name: str

    def __init__(self, *, cpu: float, memory: str | int, name: str = "") -> None:
        """``memory`` is text with a unit or a number of bytes. Raises InvalidFunction."""
        if isinstance(cpu, bool) or not isinstance(cpu, int | float) or not 0 < cpu <= MOST_CPU:
            raise InvalidFunction(f"cpu is {cpu!r}: give a number of cores such as 0.5 or 4")
        give = object.__setattr__  # frozen
        give(self, "cpu", float(cpu))
        give(self, "memory_bytes", _bytes(memory))
        give(self, "name", name)

    @property
    def cores(self) -> int:
        """Whole cores that hold ``cpu``."""
        return math.ceil(self.cpu)

    def __str__(self) -> str:
        size = f"{self.cpu:g} CPU, {size_text(self.memory_bytes)}"
        return f"{self.name} ({size})" if self.name else size

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "cpu": self.cpu, "memory_bytes": self.memory_bytes}


# Source: the machine presets of Trigger.dev.
PRESETS: dict[str, Machine] = {
    name: Machine(cpu=cpu, memory=f"{gigabytes}GB", name=name)
    for name, cpu, gigabytes in (
        ("micro", 0.25, 0.25),
        ("small-1x", 0.5, 0.5),
        ("small-2x", 1, 1),
        ("medium-1x", 1, 2),
        ("medium-2x", 2, 4),
        ("large-1x", 4, 8),
        ("large-2x", 8, 16),
    )
}
assert tuple(PRESETS) == get_args(Preset)


def machine_of(value: "Machine | str | None", option: str = "machine") -> Machine | None:
    """The machine itself, or the preset of that name. Raises InvalidFunction."""
    if value is None or isinstance(value, Machine):
        return value
    if isinstance(value, str) and value in PRESETS:
        return PRESETS[value]
    raise InvalidFunction(f'{option} is {value!r}: give {", ".join(PRESETS)}, or Machine(cpu=2, memory="4GB")')
