"""A process that starts while its database is away: it waits, says so, and goes on by itself."""

import logging
import threading
from collections.abc import Callable
from itertools import chain, repeat
from time import monotonic

from django.db import connections

from orchestrator.engine.sql import open_connection
from orchestrator.engine.sql.postgres import PostgresConnection

logger = logging.getLogger(__name__)
PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0)  # the last one again and again


def _never_ended(seconds: float) -> bool:
    return threading.Event().wait(seconds)


def await_database(alias: str, ended: Callable[[float], bool] = _never_ended) -> bool:
    """Waits until the database answers; False when it did not before the process was told to end.

    ``ended`` waits for so many seconds, and says whether the process was. SQLite's file is always there.
    """
    if connections[alias].vendor == "sqlite":
        return True
    since = monotonic()
    for pause in chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1])):
        try:
            open_connection(alias).close()
        except PostgresConnection.lost_errors as error:
            logger.warning("database.awaited", extra={"next_try_s": pause, "reason": " ".join(str(error).split())})
            if ended(pause):
                return False
        else:
            break
    if (waited := monotonic() - since) > PAUSES_SECONDS[0]:
        logger.info("database.answers", extra={"after_s": round(waited, 1)})
    return True
