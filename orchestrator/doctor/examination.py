"""All findings, in the order in which a person would look."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from orchestrator.conf import settings
from orchestrator.doctor.bells import examine_bells
from orchestrator.doctor.code import examine_functions
from orchestrator.doctor.findings import Finding, Level, fail, first_line
from orchestrator.doctor.machine import examine_home
from orchestrator.doctor.sessions import examine_engines
from orchestrator.doctor.software import examine_versions
from orchestrator.doctor.storage import examine_clock, examine_connection, examine_durability, examine_migrations
from orchestrator.doctor.success import examine_expected


def examine() -> Iterator[Finding]:
    """Looks at this installation. What depends on a database that does not answer is left out."""
    config = settings()
    wrapper = next((each for each in connections.all() if each.alias == config.database), None)
    database = examine_connection(wrapper) if wrapper is not None else None
    answers = wrapper if database is not None and database.level is Level.OK else None
    yield from examine_versions(answers)
    if database is not None:
        yield database
    if answers is not None:
        yield from _examine_database(answers)
    home = config.home or (_folder(wrapper) if wrapper is not None and wrapper.vendor == "sqlite" else None)
    if home is not None:
        yield from examine_home(home)
    yield from examine_bells()
    yield from examine_functions()


def _examine_database(wrapper: BaseDatabaseWrapper) -> Iterator[Finding]:
    now = datetime.now(UTC)
    yield from _carefully("Durability", lambda: examine_durability(wrapper))
    migrations = list(_carefully("Migrations", lambda: [examine_migrations(wrapper)]))
    yield from migrations
    if all(finding.level is not Level.FAIL for finding in migrations):
        yield from _carefully("Clock", lambda: [examine_clock(wrapper, now)])
        yield from _carefully("Engine", lambda: examine_engines(now))
        yield from _carefully("Expected", lambda: examine_expected(now))


def _carefully(topic: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """A question that the database refuses is a finding too."""
    try:
        yield from look()
    except DatabaseError as error:
        yield fail(topic, f"the database refused: {first_line(error)}", "Look into the database's log.")


def _folder(wrapper: BaseDatabaseWrapper) -> Path:
    return Path(str(wrapper.settings_dict["NAME"])).resolve().parent
