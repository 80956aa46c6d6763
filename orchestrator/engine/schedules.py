"""Schedules: one run a tick, however many schedulers look."""

import logging
from datetime import datetime
from functools import partial

from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.port import Journal
from orchestrator.engine.schedule_rows import find_work
from orchestrator.engine.sql import Connection
from orchestrator.engine.starting import Starting
from orchestrator.engine.ticking import see_to

logger = logging.getLogger(__name__)


class Ticker:
    """Sees to every schedule that needs it, each in a transaction of its own."""

    def __init__(self, journal: Journal, starting: Starting) -> None:
        self._journal = journal
        self._starting = starting

    def tick(self) -> int:
        """To how many schedules it saw."""
        found = self._journal.submit(Call(find_work)).result()
        answers = [self._journal.submit(Call(partial(see_to, id=id, starting=self._starting))) for id in found]
        for id, answer in zip(found, answers, strict=True):
            try:
                answer.result()
            except Exception:  # one schedule that cannot be read must not stop the others
                logger.exception("schedule.tick_failed", extra={"schedule": id})
        return len(found)


def next_due(db: Connection) -> datetime | None:
    """When the next tick happens."""
    [(stored,)] = db.query("SELECT min(due_at) FROM signalbox_schedule WHERE due_at IS NOT NULL")
    return db.moment(stored)
