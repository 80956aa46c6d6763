"""The functions list: what is registered, what starts it, and how it fared lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cron_descriptor import get_description

from console.presenters.text import STATUS_WORDS
from orchestrator.core.ops import Status
from orchestrator.models import Function, Run

RECENT = 1_000


@dataclass(frozen=True, slots=True)
class Trigger:
    kind: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class FunctionRow:
    function: Function
    doc: str
    triggers: Sequence[Trigger]
    recent: int
    failed: int
    last: Run | None
    last_word: str


def functions(env: int) -> list[FunctionRow]:
    """All functions with their part of the newest thousand runs: two queries."""
    tally: dict[str, tuple[int, int, Run]] = {}
    for run in Run.objects.filter(env=env).order_by("-id")[:RECENT]:
        number, failed, last = tally.get(run.function, (0, 0, run))
        tally[run.function] = (number + 1, failed + (run.status == Status.FAILED), last)
    return [_row(function, tally.get(function.slug)) for function in Function.objects.filter(env=env).order_by("slug")]


def _row(function: Function, tally: tuple[int, int, Run] | None) -> FunctionRow:
    number, failed, last = tally or (0, 0, None)
    return FunctionRow(
        function=function,
        doc=str((function.config or {}).get("doc") or "").strip().split("\n\n")[0],
        triggers=[_trigger(trigger) for trigger in function.triggers or []] or [Trigger("call", "called by name")],
        recent=number,
        failed=failed,
        last=last,
        last_word=STATUS_WORDS[Status(last.status)] if last else "",
    )


def _trigger(trigger: Mapping[str, Any]) -> Trigger:
    if cron := trigger.get("cron"):
        return Trigger("cron", str(cron), f"{get_description(str(cron))}, {trigger.get('tz') or 'UTC'}")
    condition = trigger.get("if") or trigger.get("expression")
    return Trigger("event", str(trigger.get("event", "")), f"if {condition}" if condition else "")
