"""The thread that keeps the session alive and looks after what bells did not tell. It touches no author code."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Duty:
    """Something to do every ``seconds``."""

    seconds: float
    work: Callable[[], None]
    next_at: float = 0.0


class Keeper:
    """Does its duties one after another until it is stopped; a failing one is logged and tried again."""

    def __init__(self, duties: list[Duty], name: str = "signalbox-keeper") -> None:
        self._duties = duties
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Ends after the duty under way, which takes as long as the database is away."""
        self._stop.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            for duty in self._duties:
                if duty.next_at <= now:
                    duty.next_at = now + duty.seconds
                    self._do(duty)
            soonest = min(duty.next_at for duty in self._duties)
            self._stop.wait(max(0.0, soonest - time.monotonic()))

    def _do(self, duty: Duty) -> None:
        try:
            duty.work()
        except Exception:  # a database that is away now is there again later
            logger.exception("keeper.duty_failed", extra={"duty": duty.work.__name__})
