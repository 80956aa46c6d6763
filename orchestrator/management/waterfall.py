"""A run as a waterfall of text: a tree of steps, each with its status, its time, and its bars on one scale."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from orchestrator.core.durations import format_duration
from orchestrator.core.ops import Status
from orchestrator.core.trace import ACTIVE, Phase, Segment, Span
from orchestrator.management.ink import PHASE_TONES, PHASE_WORDS, Ink, Tone, cells, pad, status_word
from orchestrator.management.tree import Branch

MOST_LINES = 200
SHORTEST_BAR = 10  # columns; below it there are no bars
LONGEST_LABEL = 40
MICROSECOND = timedelta(microseconds=1)
# What is drawn over what where two things share a column.
WEIGHTS = {Phase.FAILED: 3, Phase.LOST: 3, Phase.RUNNING: 2, **dict.fromkeys(ACTIVE - {Phase.FAILED, Phase.LOST}, 2)}


@dataclass(frozen=True, slots=True)
class Row:
    """A line: ``stem`` draws the tree before the label; segments count from the root's queueing."""

    stem: str
    label: str
    status: Status
    segments: Sequence[Segment]

    def length_us(self, now_us: int) -> int:
        """From its first beginning to its last end, queueing aside."""
        busy = [segment for segment in self.segments if segment.phase is not Phase.QUEUED] or self.segments
        return _end(busy[-1], now_us) - busy[0].start_us if busy else 0


def draw(root: Branch, now: datetime, ink: Ink, width: int) -> Iterator[str]:
    """The lines of the waterfall, at most ``width`` columns each."""
    rows = [_row(ink, "", root.run.function, root.own, 0), *_rows(root, ink, "", root.run.queued_at)]
    shown = rows[:MOST_LINES]
    now_us = max(0, (now - root.run.queued_at) // MICROSECOND)
    whole_us = max((_end(segment, now_us) for row in shown for segment in row.segments), default=1) or 1
    table = _Table.of(shown, ink, width, now_us)
    yield table.head(whole_us)
    for row in shown:
        yield table.line(row, now_us, whole_us)
    if len(rows) > len(shown):
        yield f"{ink.more} and {len(rows) - len(shown)} more steps; --json lists all"
    if table.bar_width:
        yield from _legend(shown, ink, width)


def _rows(branch: Branch, ink: Ink, trunk: str, origin: datetime) -> Iterator[Row]:
    shift_us = (branch.run.queued_at - origin) // MICROSECOND
    for n, span in enumerate(branch.steps, 1):
        is_last = n == len(branch.steps)
        yield _row(ink, trunk + (ink.last_branch if is_last else ink.branch), span.key, span, shift_us)
        child = branch.children.get(span.key)
        if child is not None:
            yield from _rows(child, ink, trunk + (" " * len(ink.trunk) if is_last else ink.trunk), origin)


def _row(ink: Ink, stem: str, name: str, span: Span, shift_us: int) -> Row:
    label = f"{name} {ink.times}{span.attempts}" if span.attempts > 1 else name
    segments = [
        replace(s, start_us=s.start_us + shift_us, end_us=None if s.end_us is None else s.end_us + shift_us)
        for s in span.segments
    ]
    return Row(stem, label, span.status, segments)


@dataclass(frozen=True, slots=True)
class _Table:
    ink: Ink
    label_width: int
    status_width: int
    time_width: int
    bar_width: int

    @classmethod
    def of(cls, rows: Sequence[Row], ink: Ink, width: int, now_us: int) -> "_Table":
        status_width = max(len(status_word(row.status)) for row in rows) + 2
        time_width = max(len(_time(row, now_us)) for row in rows)
        wanted = min(LONGEST_LABEL, max(cells(row.stem + row.label) for row in rows))
        rest = width - status_width - time_width - 6  # three gaps of two
        label_width = min(wanted, max(12, rest // 2))
        bar_width = rest - label_width
        if bar_width < SHORTEST_BAR:
            label_width, bar_width = max(4, min(wanted, rest + 2)), 0
        return cls(ink, label_width, status_width, time_width, bar_width)

    def head(self, whole_us: int) -> str:
        left = pad("STEP", self.label_width) + "  " + pad("STATUS", self.status_width) + "  "
        text = left + "TIME".rjust(self.time_width)
        if self.bar_width:
            whole = format_duration(timedelta(microseconds=whole_us))
            text += "  0" + whole.rjust(self.bar_width - 1)
        return self.ink.paint(text, Tone.FAINT)

    def line(self, row: Row, now_us: int, whole_us: int) -> str:
        label = pad(self.ink.clip(row.stem + row.label, self.label_width), self.label_width)
        time = _time(row, now_us).rjust(self.time_width)
        text = f"{label}  {self.ink.status(row.status, self.status_width)}  {time}"
        if not self.bar_width:
            return text
        return f"{text}  {_bar(row, self.ink, self.bar_width, now_us, whole_us)}".rstrip()


def _bar(row: Row, ink: Ink, width: int, now_us: int, whole_us: int) -> str:
    phases: list[Phase | None] = [None] * width
    for segment in row.segments:
        first = min(width - 1, segment.start_us * width // whole_us)
        end = -(-_end(segment, now_us) * width // whole_us)
        for column in range(first, min(width, max(end, first + 1))):
            drawn = phases[column]
            if drawn is None or WEIGHTS.get(segment.phase, 1) >= WEIGHTS.get(drawn, 1):
                phases[column] = segment.phase
    stretches = ((phase, len(list(group))) for phase, group in groupby(phases))
    return "".join(
        " " * length if phase is None else ink.paint(ink.bars[phase] * length, PHASE_TONES.get(phase, Tone.FAINT))
        for phase, length in stretches
    )


def _legend(rows: Sequence[Row], ink: Ink, width: int) -> Iterator[str]:
    used = {segment.phase for row in rows for segment in row.segments}
    line = ""
    for phase in Phase:
        if phase in used:
            word = f"{ink.bars[phase]} {PHASE_WORDS[phase]}"
            if line and cells(line) + 3 + cells(word) > width:
                yield ink.paint(line, Tone.FAINT)
                line = ""
            line += f"{'   ' if line else ''}{word}"
    if line:
        yield ink.paint(line, Tone.FAINT)


def _time(row: Row, now_us: int) -> str:
    return format_duration(timedelta(microseconds=row.length_us(now_us)))


def _end(segment: Segment, now_us: int) -> int:
    return max(now_us, segment.start_us) if segment.end_us is None else segment.end_us
