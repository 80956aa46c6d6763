"""From a decorated function to its definition in the registry."""

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.core.cron import Cron
from orchestrator.core.durations import Duration
from orchestrator.core.errors import InvalidFunction
from orchestrator.core.expecting import expected_json
from orchestrator.core.expressions import compile_expression
from orchestrator.core.flow import Flow, FlowControl
from orchestrator.core.machines import Machine
from orchestrator.core.retention import as_json
from orchestrator.core.retry import Retries
from orchestrator.core.routing import Trigger
from orchestrator.core.schedules import words
from orchestrator.sdk.arguments import signature
from orchestrator.sdk.events import RunFailed, name_of
from orchestrator.sdk.limits import limits_of
from orchestrator.sdk.registry import Definition, registry
from orchestrator.sdk.schemas import event_schema, task_schema
from orchestrator.sdk.timing import Declared, Timed

UNNAMED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,159}")
TIMER_EVENT = "signalbox/scheduled.timer"


@dataclass(frozen=True, slots=True)
class On:
    """A trigger with an expression of its own: ``On(OrderPlaced, if_="event.data.total > 100")``."""

    event: type[Any] | str
    if_: str | None = None


def declare(
    body: Callable[..., Any],
    *,
    kind: str,
    sources: Sequence[Any],
    id: str | None,
    name: str | None,
    if_: str | None,
    retries: Retries | int | None,
    queue: str | None,
    pinned: bool = False,
    flow: Iterable[FlowControl] = (),
    machine: Machine | str | None = None,
    on_out_of_memory: Machine | str | None = None,
    max_duration: Duration | None = None,
    retention: Duration | None = None,
    expected_within: Duration | None = None,
) -> Definition:
    """Registers the function. Raises InvalidFunction when it cannot be one."""
    function_id = id or body.__name__.replace("_", "-")
    _check(function_id, body, kind, sources)
    if if_ is not None:
        compile_expression(if_)
    triggers = tuple(trigger for source in sources for trigger in _triggers(function_id, source, if_))
    schedules = tuple(source.declared for source in sources if isinstance(source, Timed))
    policy, controls = Retries.of(retries), Flow.of(flow)
    limits = limits_of(machine, on_out_of_memory, max_duration, function_id=function_id)
    queue = queue if queue is not None else limits.default_queue()
    payloads = {n: c for c in map(_class_of, sources) if c is not None and (n := name_of(c)) is not None}
    definition = Definition(
        id=function_id,
        name=name or function_id,
        kind=kind,
        body=body,
        is_async=inspect.iscoroutinefunction(body),
        triggers=triggers,
        retries=policy,
        queue=queue,
        pinned=pinned,
        flow=controls,
        limits=limits,
        schedules=schedules,
        payloads=payloads,
        config=_config(body, policy, queue, schedules)
        | {"pinned": pinned, "flow": controls.to_json(), **limits.to_json(), **as_json(retention)}
        | expected_json(expected_within)
        | {"payload_schema": task_schema(body) if kind == "task" else event_schema(payloads)},
    )
    registry.add(definition)
    return definition


def _check(function_id: str, body: Callable[..., Any], kind: str, sources: Sequence[Any]) -> None:
    if not ID.fullmatch(function_id):
        raise InvalidFunction(f"{function_id!r} is no id: letters, digits and . _ / - only, at most 160")
    if not inspect.signature(body).parameters:
        raise InvalidFunction(f"{function_id!r} takes no argument: its first one is the context")
    if kind == "task" and any(p.kind in UNNAMED for p in signature(body).parameters.values()):
        raise InvalidFunction(f"{function_id!r} takes *args, **kwargs or positional-only arguments: name each of them")
    if kind == "function" and not sources:
        raise InvalidFunction(f"{function_id!r} has no trigger: give on=…, or make it a @task")


def declare_failure_handler(of: Definition, body: Callable[..., Any]) -> Definition:
    """Registers a function that runs for each failed run of another."""
    return declare(
        body,
        kind="function",
        sources=[On(RunFailed, f"event.data.function_id == '{of.id}'")],
        id=f"{of.id}/on-failure",
        name=f"{of.name}: on failure",
        if_=None,
        retries=None,
        queue=of.queue,
    )


def _class_of(source: Any) -> type[Any] | None:
    source = source.event if isinstance(source, On) else source
    return source if isinstance(source, type) else None


def _triggers(function_id: str, source: Any, if_: str | None) -> list[Trigger]:
    if isinstance(source, Timed):
        specs = source.declared.schedule.specs
        return [Trigger(cron=spec) if isinstance(spec, Cron) else Trigger(every=spec) for spec in specs]
    if isinstance(source, On):
        if source.if_ is not None:
            compile_expression(source.if_)
        source, if_ = source.event, source.if_ or if_
    name = source if isinstance(source, str) else name_of(source)
    if not name:
        raise InvalidFunction(f"{function_id!r}: {source!r} has no event name: decorate the class with @event('…')")
    return [Trigger(event=name, expression=if_)]


def _config(body: Callable[..., Any], retries: Retries, queue: str, schedules: Sequence[Declared]) -> dict[str, Any]:
    code = inspect.unwrap(body).__code__
    policy = {
        **asdict(retries),
        "initial": retries.initial.total_seconds(),
        "max_interval": retries.max_interval.total_seconds(),
    }
    return {
        "retries": policy,
        "queue": queue,
        "doc": inspect.getdoc(body) or "",
        "module": body.__module__,
        "source_file": code.co_filename,
        "source_line": code.co_firstlineno,
        "schedules": [words(declared.schedule) for declared in schedules],
    }
