"""What the process environment says, read once by settings.py: the data home, the secret key and the database."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SQLITE_ENGINE = "orchestrator.db.sqlite3"
POSTGRESQL_ENGINE = "orchestrator.db.postgresql"  # says at once when the database is away
LAYER_SCHEMES = ("redis", "rediss", "unix", "redis+socket")
LAYER_SECONDS = 2.0  # to reach Redis; a bell that does not ring in time is not missed

# Section 9 of the engine protocol: only the journal writer checkpoints, so every other connection leaves the WAL alone.
SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0",
}


def flag(name: str, default: bool) -> bool:
    """The boolean variable ``name``: 1, true, yes or on are true, everything else is false."""
    value = os.environ.get(name, "").strip().lower()
    return value in {"1", "true", "yes", "on"} if value else default


def listed(name: str, default: str = "") -> list[str]:
    """The comma-separated variable ``name`` without blanks."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def number(name: str, default: int) -> int:
    """The integer variable ``name``. Raises ImproperlyConfigured when it is something else."""
    value = os.environ.get(name, "").strip()
    try:
        return int(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from error


def data_home() -> Path:
    """Where this installation keeps its files: SIGNALBOX_HOME, else .signalbox in the working directory."""
    return Path(os.environ.get("SIGNALBOX_HOME") or ".signalbox").expanduser().absolute()


def secret_key(home: Path, *, development: bool) -> str:
    """SECRET_KEY; in development a random one that is kept in ``home``, so that sessions outlive a restart."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    if not development:
        raise ImproperlyConfigured("SECRET_KEY is required when SIGNALBOX_ENV is not development")
    path = home / "secret-key"
    if not path.exists():
        _create_once(path, secrets.token_urlsafe(50))
    return path.read_text()


def database(home: Path) -> dict[str, Any]:
    """Django's settings of the one database: DATABASE_URL, else SQLite in ``home``."""
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{home / 'signalbox.db'}"
    settings: dict[str, Any] = dict(dj_database_url.parse(url))
    options = settings.setdefault("OPTIONS", {})
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["ENGINE"] = SQLITE_ENGINE
        settings["OPTIONS"] = SQLITE_OPTIONS | options
    elif settings["ENGINE"] == "django.db.backends.postgresql":
        settings["ENGINE"] = POSTGRESQL_ENGINE
        # Under ASGI each request has a thread of its own: connections are shared by a pool, never kept by a thread.
        pool_size = number("DATABASE_POOL_SIZE", 16)
        if pool_size:
            options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 20}
        if flag("DATABASE_TRANSACTION_POOL", default=False):
            settings["DISABLE_SERVER_SIDE_CURSORS"] = True  # they live in a session, which there is none
    return settings


def channel_layers() -> dict[str, Any]:
    """Channels' layer on the Redis of CHANNEL_LAYER_URL; none without. Raises ImproperlyConfigured on another scheme.

    Its publish and subscribe: nothing is stored, and what nobody hears is gone, as it should be with a doorbell.
    """
    url = os.environ.get("CHANNEL_LAYER_URL", "").strip()
    if not url:
        return {}
    scheme = url.partition("://")[0]
    if scheme not in LAYER_SCHEMES:
        raise ImproperlyConfigured(f"CHANNEL_LAYER_URL begins with one of {', '.join(LAYER_SCHEMES)}, not {scheme!r}")
    address = url.replace("redis+socket://", "unix://", 1)  # as Celery writes it
    host = {"address": address, "socket_connect_timeout": LAYER_SECONDS, "socket_timeout": LAYER_SECONDS}
    return {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [host]}}}


def _create_once(path: Path, text: str) -> None:
    """Write ``path`` readable by its owner only; of several processes that try at once, the first one's text stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
