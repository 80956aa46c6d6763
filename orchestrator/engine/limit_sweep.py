"""Which limits a claim looks at beside those of which places were given back. Runs in the journal."""

from datetime import datetime
from typing import Any

from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.limit_rows import due_keys

AT_ONCE = 500  # limits of one look
HELD = "SELECT held_at, key FROM signalbox_limit WHERE held_at IS NOT NULL AND held_at <= ?"
ORDER = f" ORDER BY held_at, key LIMIT {AT_ONCE}"


class LimitSweep:
    """A process's way round all limits at which somebody waits, for places whose bell was lost: oldest first, in turn.

    A round ends with what was held at its beginning, so that what comes meanwhile keeps nobody waiting for the next.
    """

    def __init__(self) -> None:
        self._asked = False
        self._until: datetime | None = None
        self._after: tuple[Any, ...] | None = None

    def ask(self) -> None:
        """The next look goes on with the round; all others are at throttles that let the next one in by now."""
        self._asked = True

    def keys(self, tx: Tx) -> list[str]:
        """The limits to look at. One statement."""
        if not self._asked:
            return due_keys(tx, AT_ONCE)
        self._asked = False
        if self._until is None or self._after is None:
            self._until = tx.now
            rows = tx.db.query(f"{HELD}{ORDER}", [self._until])
        else:
            rows = tx.db.query(f"{HELD} AND (held_at, key) > (?, ?){ORDER}", [self._until, *self._after])
        self._after = rows[-1] if len(rows) == AT_ONCE else None
        return [key for _, key in rows]
