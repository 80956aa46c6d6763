"""Retention as a duty of schedulers: a thread that deletes a little, and rests as long as that took."""

import logging
import time
from collections.abc import Callable, Iterator

from orchestrator.core.retention import Retention
from orchestrator.engine.clock import Clock
from orchestrator.engine.keeper import Duty, Keeper
from orchestrator.engine.retention import Deleted, Pace, Sweep, plan_of
from orchestrator.engine.sql import Connection

logger = logging.getLogger(__name__)
EVERY_SECONDS = 900.0  # from the beginning of one walk to that of the next
FIRST_SECONDS = 10.0  # after the start: work comes first
TICK_SECONDS = 1.0
SLICE_SECONDS = 0.5  # of a tick; half of it is rest


class RetentionDuty:
    """Walks through the database, again and again; ``stop`` waits for the transaction under way."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        retention: Retention,
        clock: Clock,
        *,
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        self._connect = connect
        self._retention = retention
        self._clock = clock
        self._next_at = time.monotonic() + first_seconds
        self._pace = Pace()
        self._db: Connection | None = None
        self._steps: Iterator[Deleted] = iter(())
        self._total = Deleted()
        self._stopping = False
        self._keeper = Keeper([Duty(TICK_SECONDS, self.work)], name="signalbox-retention")

    def start(self) -> None:
        self._keeper.start()

    def stop(self, timeout_seconds: float) -> None:
        self._stopping = True
        self._keeper.stop(timeout_seconds)
        self._close()

    def work(self) -> None:
        """A slice of a walk, when one is due or under way."""
        if self._db is None and not self._begin():
            return
        end = time.monotonic() + SLICE_SECONDS
        while not self._stopping and (begin := time.monotonic()) < end:
            if not self._step():
                return
            time.sleep(min(TICK_SECONDS, time.monotonic() - begin))

    def _begin(self) -> bool:
        if time.monotonic() < self._next_at:
            return False
        self._next_at = time.monotonic() + EVERY_SECONDS
        self._db, self._total = self._connect(), Deleted()
        self._steps = self._walk(self._db)
        return True

    def _walk(self, db: Connection) -> Iterator[Deleted]:
        yield from Sweep(db, plan_of(db, self._retention, self._clock.now()), self._pace).steps()

    def _step(self) -> bool:
        """Whether there is more. After an error the next walk begins anew."""
        try:
            step = next(self._steps, None)
        except BaseException:
            self._close()
            raise
        if step is not None:
            self._total = Deleted(*map(sum, zip(self._total, step, strict=True)))
            return True
        self._close()
        if any(self._total):
            logger.info("retention.deleted", extra=self._total._asdict())
        return False

    def _close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()
