"""Runs as a table: one line each, as wide as the terminal."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from orchestrator.api.values import Run
from orchestrator.core.durations import format_duration
from orchestrator.management.ink import Ink, Tone, cells, pad, printable, status_word
from orchestrator.management.report import short_type

LONGEST_FUNCTION = 30
SHORTEST_NOTE = 10
HEADS = ("STATUS", "FUNCTION", "ID", "AGE", "TOOK")


def table(runs: Sequence[Run], now: datetime, ink: Ink, width: int | None) -> Iterator[str]:
    """The lines; without a ``width`` nothing is shortened."""
    lines = [_columns(run, now) for run in runs]
    widths = [max(cells(line[n]) for line in (*lines, HEADS)) for n in range(len(HEADS))]
    widths[0] += 2  # the status's shape
    rest = 10_000 if width is None else width - sum(widths) - 2 * len(widths) + widths[1]
    if width is not None:
        widths[1] = max(8, min(widths[1], LONGEST_FUNCTION, rest))
    note_width = rest - widths[1]
    yield ink.paint("  ".join(pad(word, size) for word, size in zip(HEADS, widths, strict=True)).rstrip(), Tone.FAINT)
    for run, (_, function, id, age, took) in zip(runs, lines, strict=True):
        note = ink.clip(_note(run), note_width) if note_width >= SHORTEST_NOTE else ""
        status = ink.status(run.status, widths[0])
        function = pad(ink.clip(function, widths[1]), widths[1])
        yield f"{status}  {function}  {id}  {pad(age, widths[3])}  {pad(took, widths[4])}  {note}".rstrip()


def _columns(run: Run, now: datetime) -> tuple[str, str, str, str, str]:
    took = format_duration((run.ended_at or now) - run.started_at) if run.started_at else "-"
    return status_word(run.status), printable(run.function), run.id, format_duration(now - run.queued_at), took


def _note(run: Run) -> str:
    if run.error is not None:
        first = next(iter(run.error.message.splitlines()), "")
        return f"{short_type(run.error)}: {first}".rstrip(": ")
    return "; ".join(run.waiting_for)
