"""``settings.ORCHESTRATOR`` as one validated value."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from orchestrator.core.errors import InvalidDuration
from orchestrator.core.retention import KEEP_ALL, Retention, parse_retention


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a project may set in ``ORCHESTRATOR``; keys are these names in capitals."""

    database: str = "default"  # alias of the database that holds our tables
    home: Path | None = None  # where the engine's lock file lies; default: beside the SQLite file
    functions: tuple[str, ...] = ()  # modules to import besides every app's functions.py
    open_access: bool = False  # development: any event key, no API key
    version: str = ""  # of the code, such as a commit: pinned runs go on where it is the one they began with
    broker_url: str = ""  # Celery's broker, where workers are woken by one
    channel_layer: str = ""  # alias of Channels' layer that carries news between processes, to browsers above all
    listen: bool = True  # to PostgreSQL's NOTIFY; processes without it hear by a channel layer, or look every 2 s
    transaction_pool: bool = False  # pgbouncer lends PostgreSQL's connections by the transaction: no session has state
    queues: tuple[str, ...] = ("default",)  # queues this process works on
    concurrency: int = 500  # runs executing at once in this process
    body_threads: int = 32  # threads for sync functions and sync step bodies
    machine_queues: bool = False  # functions with a machine= and no queue= wait in a queue named as the preset
    isolated_runs: int = 4  # runs of this process that may execute in processes of their own at once
    spare_process: bool = True  # after the first of them a process stands ready for the next one
    quarantine_after: int = 3  # deaths in a row of a run's own process, with no step between
    parked_runs: int = 2000  # waiting runs whose coroutine stays in memory
    lease_seconds: int = 15  # life of a worker session that is not renewed
    retention: Retention = KEEP_ALL  # how long runs, events and log lines are kept; for ever unless told otherwise
    blob_bytes: int = 65_536  # larger values are stored by themselves
    max_event_bytes: int = 524_288  # one event
    max_body_bytes: int = 3_145_728  # one request to the event endpoint
    max_value_bytes: int = 4_194_304  # one step's or run's output


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The project's settings for the orchestrator. Raises ImproperlyConfigured on an unknown or mistyped key."""
    given: Mapping[str, Any] = getattr(django_settings, "ORCHESTRATOR", {})
    known = {field.name.upper(): field.name for field in fields(Settings)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ImproperlyConfigured(f"ORCHESTRATOR has unknown keys {unknown}; known: {sorted(known)}")
    values = {known[key]: value for key, value in given.items()}
    for name in ("functions", "queues"):
        if name in values:
            values[name] = tuple(values[name])
    if values.get("home") is not None:
        values["home"] = Path(values["home"])
    if "retention" in values:
        try:
            values["retention"] = parse_retention(values["retention"])
        except InvalidDuration as error:
            raise ImproperlyConfigured(f"ORCHESTRATOR['RETENTION']: {error}") from error
    for field in fields(Settings):
        if field.type is int and not (isinstance(values.get(field.name, 1), int) and values.get(field.name, 1) > 0):
            raise ImproperlyConfigured(f"ORCHESTRATOR[{field.name.upper()!r}] must be a positive whole number")
    return Settings(**values)


def _forget(*, setting: str, **_: object) -> None:
    if setting == "ORCHESTRATOR":
        settings.cache_clear()


setting_changed.connect(_forget)
