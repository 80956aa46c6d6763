"""On SQLite one process is the engine: it holds a lock on a file beside the database."""

import fcntl
from pathlib import Path

from django.db import connections

from orchestrator.conf import Settings
from orchestrator.core.errors import EngineAlreadyRunning


class HomeLock:
    """Held until ``release`` or the end of the process, however it ends. Raises EngineAlreadyRunning."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise EngineAlreadyRunning(f"another process is the engine of this database (it holds {path})") from error

    def release(self) -> None:
        self._file.close()


def home_lock(config: Settings) -> HomeLock | None:
    """The lock of this database's engine; None on PostgreSQL, where many processes work."""
    wrapper = connections[config.database]
    if wrapper.vendor != "sqlite":
        return None
    home = config.home or Path(str(wrapper.settings_dict["NAME"])).resolve().parent
    return HomeLock(home / "engine.lock")
