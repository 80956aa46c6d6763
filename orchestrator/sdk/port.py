"""Where the SDK reaches the engine from outside a run: the engine plugs itself in here."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from orchestrator.core.errors import EngineUnavailable
from orchestrator.core.events import IncomingEvent


class EnginePort(Protocol):
    def send(self, events: Sequence[IncomingEvent]) -> list[str]: ...
    async def asend(self, events: Sequence[IncomingEvent]) -> list[str]: ...
    def signal(self, run_id: str, name: str, data: Any, *, key: str | None) -> None: ...
    async def asignal(self, run_id: str, name: str, data: Any, *, key: str | None) -> None: ...
    def trigger(self, function: str, payload: Any, *, idempotency_key: str | None, delay: timedelta | None) -> str: ...
    def trigger_many(self, function: str, payloads: Sequence[Any]) -> list[str]: ...
    async def atrigger(
        self, function: str, payload: Any, *, idempotency_key: str | None, delay: timedelta | None
    ) -> str: ...


_port: EnginePort | None = None


def plug(port: EnginePort) -> None:
    """Called once, when the orchestrator app is ready."""
    global _port
    _port = port


def engine() -> EnginePort:
    """Raises EngineUnavailable before Django is set up."""
    if _port is None:
        raise EngineUnavailable("Signalbox is not ready: add 'orchestrator' to INSTALLED_APPS and run django.setup()")
    return _port
