"""The SDK's way to the engine from outside a run."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from orchestrator.core.events import IncomingEvent
from orchestrator.engine import ingest, signals, triggering


class Port:
    def send(self, events: Sequence[IncomingEvent]) -> list[str]:
        return ingest.send_events(events, source="app")

    async def asend(self, events: Sequence[IncomingEvent]) -> list[str]:
        return await ingest.asend_events(events, source="app")

    def signal(self, run_id: str, name: str, data: Any, *, key: str | None) -> None:
        signals.send_signal(run_id, name, data, key=key)

    async def asignal(self, run_id: str, name: str, data: Any, *, key: str | None) -> None:
        await signals.asend_signal(run_id, name, data, key=key)

    def trigger(self, function: str, payload: Any, *, idempotency_key: str | None, delay: timedelta | None) -> str:
        return triggering.trigger(function, payload, idempotency_key=idempotency_key, delay=delay)

    def trigger_many(self, function: str, payloads: Sequence[Any]) -> list[str]:
        return triggering.trigger_many(function, payloads)

    async def atrigger(
        self, function: str, payload: Any, *, idempotency_key: str | None, delay: timedelta | None
    ) -> str:
        return await triggering.atrigger(function, payload, idempotency_key=idempotency_key, delay=delay)
