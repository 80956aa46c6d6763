"""What a function's runs may use: processor, memory and time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from orchestrator.core.durations import Duration, parse_duration
from orchestrator.core.errors import InvalidFunction
from orchestrator.core.machines import Machine, machine_of


def _never() -> bool:
    return False


_queues_by_machine: Callable[[], bool] = _never


def plug(queues_by_machine: Callable[[], bool]) -> None:
    """Called once, when the orchestrator app is ready: whether a function's machine names its queue is a setting."""
    global _queues_by_machine
    _queues_by_machine = queues_by_machine


@dataclass(frozen=True, slots=True)
class Limits:
    """``machine``: runs have a process of their own. ``larger``: the one to go on with when memory ran out."""

    machine: Machine | None = None
    larger: Machine | None = None
    max_duration: timedelta | None = None

    def default_queue(self) -> str:
        """The queue of a function that names none."""
        named = self.machine is not None and self.machine.name and _queues_by_machine()
        return self.machine.name if named and self.machine is not None else "default"

    def to_json(self) -> dict[str, Any]:
        """Those that are set, for people and other processes."""
        told: dict[str, Any] = {}
        if self.machine is not None:
            told["machine"] = self.machine.to_json()
        if self.larger is not None:
            told["on_out_of_memory"] = self.larger.to_json()
        if self.max_duration is not None:
            told["max_duration_seconds"] = self.max_duration.total_seconds()
        return told


NO_LIMITS = Limits()


def limits_of(
    machine: Machine | str | None,
    on_out_of_memory: Machine | str | None,
    max_duration: Duration | None,
    *,
    function_id: str,
) -> Limits:
    """The options as values. Raises InvalidFunction, InvalidDuration."""
    if machine is None and on_out_of_memory is None and max_duration is None:
        return NO_LIMITS
    own, larger = machine_of(machine), machine_of(on_out_of_memory, "on_out_of_memory")
    if larger is not None and (own is None or larger.memory_bytes <= own.memory_bytes):
        raise InvalidFunction(f"{function_id!r}: on_out_of_memory has to have more memory than machine={own}")
    longest = None if max_duration is None else parse_duration(max_duration)
    if longest is not None and not longest:
        raise InvalidFunction(f"{function_id!r}: max_duration is zero: no run could begin")
    return Limits(own, larger, longest)
