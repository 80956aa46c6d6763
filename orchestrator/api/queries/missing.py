"""What to say of a run or event that is not there: it may have been older than it is kept."""

from datetime import timedelta

from orchestrator.api.queries.rows import rows
from orchestrator.conf import settings
from orchestrator.core.durations import format_duration
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import timestamp
from orchestrator.core.retention import of_function
from orchestrator.engine.clock import system_clock
from orchestrator.models import Environment, Function


def no_run(env: int, id: str) -> str:
    kept = _kept(env)[0]
    configs = rows(Function).filter(env=env).values_list("config", flat=True)
    lengths = [kept, *(of_function(config, kept) for config in configs)]
    return _sentence("run", id, min((length for length in lengths if length), default=None), "after their end")


def no_event(env: int, id: str) -> str:
    return _sentence("event", id, _kept(env)[1], "after they came")


def _kept(env: int) -> tuple[timedelta | None, timedelta | None]:
    name = rows(Environment).filter(id=env).values_list("name", flat=True).first()
    kept = settings().retention.of(name or "")
    return kept.runs, kept.events


def _sentence(noun: str, id: str, length: timedelta | None, since: str) -> str:
    plain = f"no {noun} has the id {id}"
    if length is None or not _is_older(id, length):
        return plain
    return f"{plain}: {noun}s are deleted from {format_duration(length)} {since}"


def _is_older(id: str, length: timedelta) -> bool:
    try:
        return system_clock.now() - timestamp(id) > length
    except InvalidId:
        return False
