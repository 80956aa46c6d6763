"""What the tests of gates read of a Harness: why events started nothing, and what joined a run."""

from typing import Any

import orjson

from orchestrator.core.events import IncomingEvent
from orchestrator.engine.ingest import build_starts
from orchestrator.engine.journal.items import Ingest
from orchestrator.engine.sql import Id
from orchestrator.testing import Harness, HarnessRun


def skips(harness: Harness, place: int = -1) -> list[dict[str, str]]:
    """Why functions have no run of the event that was sent last, or at that place."""
    rows = harness._db.query("SELECT CAST(skipped AS text) FROM signalbox_event ORDER BY id")
    return list(orjson.loads(rows[place][0] or "[]"))


def reasons(harness: Harness, place: int = -1) -> list[str]:
    return [each["reason"] for each in skips(harness, place)]


def send_together(harness: Harness, *events: IncomingEvent) -> None:
    """In one transaction."""
    harness._engine.commit(Ingest(build_starts(harness._engine.runtime.starting, events)))


def told(harness: Harness, run: HarnessRun, kind: str) -> list[dict[str, Any]]:
    rows = harness._db.query(
        "SELECT CAST(data AS text) FROM signalbox_journal WHERE run = ? AND kind = ? ORDER BY seq", [Id(run.id), kind]
    )
    return [orjson.loads(data) for (data,) in rows]
