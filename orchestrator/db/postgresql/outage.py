"""Whether PostgreSQL is away, which somebody finds out as soon as somebody waits for a connection."""

import logging
import threading
from functools import cache
from time import monotonic

from django.db import DatabaseError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper

from orchestrator.db.looking import Look

logger = logging.getLogger(__name__)
EVERY_SECONDS = 0.5
ANSWER_SECONDS = 1.5
CLOSE_SECONDS = 0.1  # for each of the pool's threads; one that tries to connect ends later


def forget_pool(alias: str) -> None:
    """The connections of Django's pool are lost: those who wait hear it, the next one gets a new pool."""
    pool = DatabaseWrapper._connection_pools.pop(alias, None)  # as Django's close_pool() does
    if pool is not None:
        pool.close(CLOSE_SECONDS)


class Outage:
    """One for each database. A thread looks while somebody waits or the database is away, and ends."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._look = Look(alias, _says_something)
        self._guard = threading.Lock()
        self._watched = False
        self._last_waiter = 0.0
        self._away_since: float | None = None

    def refuse(self) -> None:
        """Raises OperationalError while the database is known to be away."""
        if self._away_since is not None:
            raise OperationalError("the database does not answer")

    def over(self) -> None:
        """To be called by whoever got an answer."""
        since, self._away_since = self._away_since, None
        if since is not None:
            logger.info("database.answers", extra={"after_s": round(monotonic() - since, 1)})

    def watch(self) -> None:
        """To be called by whoever is about to wait."""
        with self._guard:
            self._last_waiter = monotonic()
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name="database watch", daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_SECONDS):
            with self._guard:
                if not self._is_needed():
                    self._watched = False
                    self._look.close()
                    return
            self._find_out()

    def _is_needed(self) -> bool:
        pool = DatabaseWrapper._connection_pools.get(self._alias)
        waiting = pool is not None and pool.get_stats().get("requests_waiting", 0) > 0
        return waiting or self._away_since is not None or monotonic() - self._last_waiter < EVERY_SECONDS

    def _find_out(self) -> None:
        try:
            self._look.ask(ANSWER_SECONDS)
        except DatabaseError:
            if self._away_since is None:
                self._away_since = monotonic()
                logger.warning("database.away")
            forget_pool(self._alias)
        else:
            self.over()


@cache
def outage_of(alias: str) -> Outage:
    return Outage(alias)


def _says_something(wrapper: BaseDatabaseWrapper) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")
