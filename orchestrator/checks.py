"""System checks: what ``manage.py check`` says of an author's functions, and what keeps the engine from starting."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning, register

from orchestrator.conf import settings
from orchestrator.core.cron import next_tick
from orchestrator.core.errors import InvalidCron, InvalidExpression, InvalidFunction, InvalidSchedule
from orchestrator.core.expressions import compile_expression
from orchestrator.core.routing import IF_ROOTS
from orchestrator.sdk.discovery import ImportFailure, failures
from orchestrator.sdk.registry import Definition, registry

TAG = "signalbox"
MAX_QUEUE = 64  # characters
SQLITE = "django.db.backends.sqlite3"
DECLARATIONS: Sequence[tuple[type[Exception], str, str]] = (
    (
        InvalidFunction,
        "signalbox.E002",
        "Ids are unique over all modules; docs/authoring.md says what a declaration takes.",
    ),
    (InvalidCron, "signalbox.E003", "Five fields, as in Cron('0 9 * * MON', tz='Europe/Zurich'), or @daily."),
    (InvalidSchedule, "signalbox.E003", "docs/schedules.md says what a schedule takes."),
    (InvalidExpression, "signalbox.E004", "if_ is an expression over event, as in 'event.data.total > 100'."),
)


@register(TAG)
def check_modules(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """Every module with functions is imported: E001, or E002 to E004 when a declaration in it is wrong."""
    return [_failed(failure) for failure in failures]


@register(TAG)
def check_functions(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """Schedules come due, expressions find their names, and somebody works on each queue: E003 to E005, W001."""
    queues = settings().queues
    now = datetime.now(UTC)
    return [message for definition in registry for message in function_messages(definition, queues, now)]


@register(TAG)
def check_settings(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """ORCHESTRATOR names a database there is: E006, and one whose backend waits well: W002."""
    alias = settings().database
    known: dict[str, Any] = django_settings.DATABASES
    if alias not in known:
        return [
            Error(
                f"ORCHESTRATOR['DATABASE'] is {alias!r}, which DATABASES does not have.",
                hint=f"One of these: {', '.join(sorted(known))}.",
                id="signalbox.E006",
            )
        ]
    if known[alias].get("ENGINE") != SQLITE:
        return []
    return [
        Warning(
            f"Database {alias!r} uses {SQLITE}, whose writers wait for each other by sleeping.",
            hint="Set its ENGINE to 'orchestrator.db.sqlite3': the same with WAL and a fair lock.",
            id="signalbox.W002",
        )
    ]


def function_messages(definition: Definition, queues: Iterable[str], now: datetime) -> Iterator[CheckMessage]:
    """What is wrong with one function, beyond what its declaration refuses at once."""
    for trigger in definition.triggers:
        try:
            if trigger.cron is not None:
                next_tick(trigger.cron, now)
            if trigger.expression is not None:
                compile_expression(trigger.expression, IF_ROOTS)
        except (InvalidCron, InvalidExpression) as error:
            id, hint = _id_and_hint(error)
            yield _error(definition, str(error), hint, id)
    queue = definition.queue
    if not queue or len(queue) > MAX_QUEUE or not queue.isprintable():
        yield _error(
            definition,
            f"queue {queue!r:.80} is no name",
            f"A queue's name has 1 to {MAX_QUEUE} printable characters.",
            "signalbox.E005",
        )
    elif queue not in queues:
        yield Warning(
            f"Function {definition.id!r} waits in queue {queue!r}, on which no process with these settings works.",
            hint=f"Add {queue!r} to ORCHESTRATOR['QUEUES'], or correct queue=.",
            obj=_place(definition),
            id="signalbox.W001",
        )


def _failed(failure: ImportFailure) -> CheckMessage:
    id, hint = _id_and_hint(failure.error)
    return Error(f"{failure.module} cannot be imported: {failure.summary}\n{failure.traceback}", hint=hint, id=id)


def _id_and_hint(error: Exception) -> tuple[str, str]:
    for kind, id, hint in DECLARATIONS:
        if isinstance(error, kind):
            return id, hint
    return (
        "signalbox.E001",
        "Mend the module, or take its name out of SIGNALBOX_FUNCTIONS or ORCHESTRATOR['FUNCTIONS'].",
    )


def _error(definition: Definition, what: str, hint: str, id: str) -> CheckMessage:
    return Error(f"Function {definition.id!r}: {what}.", hint=hint, obj=_place(definition), id=id)


def _place(definition: Definition) -> str:
    config = definition.config
    return f"{config.get('source_file', definition.body.__module__)}:{config.get('source_line', 0)}"
