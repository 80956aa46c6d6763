"""A process that starts while its database is away or has no tables yet: it waits, says so, and goes on by itself."""

import logging
import threading
from collections.abc import Callable
from itertools import chain, repeat
from time import monotonic

from orchestrator.db.schema import WAY_OUT, newest_migrations
from orchestrator.engine.sql import Connection, open_connection
from orchestrator.engine.sql.postgres import PostgresConnection

logger = logging.getLogger(__name__)
PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0)  # the last one again and again
APP = "orchestrator"


def _never_ended(seconds: float) -> bool:
    return threading.Event().wait(seconds)


def await_database(alias: str, ended: Callable[[float], bool] = _never_ended, *, migrated: bool = True) -> bool:
    """Waits until the database answers; False when it did not before the process was told to end.

    ``ended`` waits for so many seconds, and says whether the process was. ``migrated``: it also waits for the tables
    of this code, which another process makes.
    """
    since = monotonic()
    for pause in chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1])):
        reason = _reason_to_wait(alias, migrated)
        if reason is None:
            break
        logger.warning("database.awaited", extra={"next_try_s": pause, "reason": reason})
        if ended(pause):
            return False
    if (waited := monotonic() - since) > PAUSES_SECONDS[0]:
        logger.info("database.answers", extra={"after_s": round(waited, 1)})
    return True


def _reason_to_wait(alias: str, migrated: bool) -> str | None:
    try:
        db = open_connection(alias, checkpoints=False)
        try:
            return None if not migrated or _has_tables(db) else WAY_OUT
        finally:
            db.close()
    except PostgresConnection.lost_errors as error:
        return " ".join(str(error).split())


def _has_tables(db: Connection) -> bool:
    try:
        applied = db.query("SELECT name FROM django_migrations WHERE app = ?", [APP])
    except db.errors:
        if db.is_lost():
            raise
        return False  # nothing was ever migrated
    newest = {name for app, name in newest_migrations() if app == APP}
    return newest <= {name for (name,) in applied}
