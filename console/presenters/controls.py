"""A function's flow control and limits as sentences."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from orchestrator.core.controls import CLASSES
from orchestrator.core.durations import format_duration
from orchestrator.core.flow import Flow
from orchestrator.core.keys import Key
from orchestrator.core.machines import size_text


def controls(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and sentence of each control that the function declares."""
    flow = Flow.from_json(config.get("flow") or {})
    return [*_admission(flow), *_gates(flow), *_ends(flow), *_machine(config)]


def _admission(flow: Flow) -> Iterator[tuple[str, str]]:
    for limit in flow.concurrency:
        shared = (
            f", shared as {limit.name}" if limit.name else ", in its environment" if limit.scope != "function" else ""
        )
        yield "Concurrency", f"{limit.limit} at once{_by(limit.key)}{shared}"
    if flow.throttle is not None:
        throttle = flow.throttle
        burst = f", {throttle.burst} at once" if throttle.burst > 1 else ""
        yield "Throttle", f"{throttle.limit} starts in {_time(throttle.period)}{burst}{_by(throttle.key)}"
    if flow.priority is not None:
        given = flow.priority.run
        yield "Priority", str(given) if given in CLASSES else f"{given} s of head start"
    if flow.fairness is not None:
        weight = "" if flow.fairness.weight == 1 else f", by weight {flow.fairness.weight}"
        yield "Fairness", f"in turns{_by(flow.fairness.key)}{weight}"
    if flow.delay is not None:
        yield "Delay", f"starts {_time(flow.delay.by)} later"


def _gates(flow: Flow) -> Iterator[tuple[str, str]]:
    if flow.rate_limit is not None:
        limit = flow.rate_limit
        yield "Rate limit", f"{limit.limit} runs in {_time(limit.period)}{_by(limit.key)}, further events are skipped"
    if flow.idempotency is not None:
        yield "Idempotency", f"one run in {_time(flow.idempotency.ttl)}{_by(flow.idempotency.key)}"
    if flow.debounce is not None:
        longest = f", at most {_time(flow.debounce.max_wait)}" if flow.debounce.max_wait else ""
        yield "Debounce", f"{_time(flow.debounce.period)} after the last event{longest}{_by(flow.debounce.key)}"
    if flow.batch is not None:
        yield "Batch", f"up to {flow.batch.max_size} events or {_time(flow.batch.timeout)}{_by(flow.batch.key)}"
    if flow.singleton is not None:
        words = {"skip": "a further run is skipped", "cancel": "a further run cancels it", "queue": "one more waits"}
        yield "Singleton", f"one run{_by(flow.singleton.key)}: {words[flow.singleton.mode]}"


def _ends(flow: Flow) -> Iterator[tuple[str, str]]:
    for rule in flow.cancel_on:
        when = f" when {rule.match or rule.if_}" if rule.match or rule.if_ else ""
        yield "Cancelled by", f"{rule.event}{when}"
    if flow.timeouts is not None and flow.timeouts.start is not None:
        yield "Starts within", _time(flow.timeouts.start)
    if flow.timeouts is not None and flow.timeouts.finish is not None:
        yield "Ends within", _time(flow.timeouts.finish)


def _machine(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, label in (("machine", "Machine"), ("on_out_of_memory", "When memory runs out")):
        if machine := config.get(key):
            name = f"{machine['name']}: " if machine.get("name") else ""
            yield label, f"{name}{machine['cpu']:g} CPU, {size_text(machine['memory_bytes'])}"
    if seconds := config.get("max_duration_seconds"):
        yield "Longest execution", _time(seconds)
    if config.get("pinned"):
        yield "Pinned", "runs stay with the version of the code that they began with"


def _by(key: Key | None) -> str:
    return f" for each {key}" if key else ""


def _time(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))
