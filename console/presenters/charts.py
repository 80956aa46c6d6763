"""A Plotly figure of how a function fared: durations above, volume below. Colours are names of tokens in ``meta``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from console.presenters.figures import Figures, Part
from console.presenters.text import duration

# The first unit whose number stays readable: how many microseconds it has, and from where on the next one is better.
UNITS = ((1, "µs", 1_000), (1_000, "ms", 1_000_000), (1_000_000, "s", 180_000_000), (60_000_000, "min", 10_800_000_000))
FEW = 4
LARGEST_UNIT = (3_600_000_000, "h")


def chart(found: Figures, hrefs: Sequence[str]) -> Mapping[str, Any]:
    """``data`` and ``layout`` for Plotly. ``hrefs`` lead from a part to its runs."""
    span = [_moment(found.whole.start), _moment(found.parts[-1].end)]
    size_us, unit = _unit(max((part.p95_us or 0 for part in found.parts), default=0))
    timed, whole = found.whole.p50_us is not None, _whole(found.parts)
    took = f"Duration ({unit})"
    bars = partial(_bars, found.parts, hrefs)
    return {
        "data": [
            _line(found.parts, "Median", "p50_us", size_us=size_us, token="--st-running", dash="solid"),
            _line(found.parts, "95th percentile", "p95_us", size_us=size_us, token="--st-sleeping", dash="dot"),
            bars("Completed", [part.completed for part in found.parts], token="--st-completed"),
            bars("Failed", [part.failed for part in found.parts], token="--st-failed", pattern="/"),
            bars("Not ended", [part.open for part in found.parts], token="--st-queued", pattern="."),
            bars("Cancelled or skipped", [_other(part) for part in found.parts], token="--st-cancelled"),
        ],
        "layout": {
            "barmode": "stack", "bargap": 0.25, "hovermode": "x unified", "selectdirection": "h",
            "xaxis": {"type": "date", "anchor": "y2", "range": span},
            "yaxis": {"domain": [0.44, 1], "title": {"text": took}, "rangemode": "tozero", "visible": timed},
            "yaxis2": {"domain": [0, 0.32 if timed else 1], "title": {"text": "Runs"}, "rangemode": "tozero", **whole},
            "showlegend": True,
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        },
    }  # fmt: skip


def _line(parts: Sequence[Part], name: str, field: str, *, size_us: int, token: str, dash: str) -> Mapping[str, Any]:
    values = [getattr(part, field) for part in parts]
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "meta": token, "connectgaps": False,
        "visible": any(us is not None for us in values),
        "x": [_x(part) for part in parts], "y": [None if us is None else us / size_us for us in values],
        "text": ["" if us is None else duration(us) for us in values], "hovertemplate": "%{text}",
        "line": {"width": 2, "dash": dash}, "marker": {"size": 5},
    }  # fmt: skip


def _bars(
    parts: Sequence[Part], hrefs: Sequence[str], name: str, numbers: Sequence[int], *, token: str, pattern: str = ""
) -> Mapping[str, Any]:
    return {
        "type": "bar", "name": name, "meta": token, "yaxis": "y2", "visible": any(numbers),
        "x": [_x(part) for part in parts], "y": list(numbers), "customdata": list(hrefs),
        "marker": {"pattern": {"shape": pattern, "size": 6, "fillmode": "overlay"}}, "hovertemplate": "%{y}",
    }  # fmt: skip


def _whole(parts: Sequence[Part]) -> Mapping[str, Any]:
    """Ticks of an axis of whole numbers, which there are few of when the numbers are small."""
    return {"tickformat": ",d"} | ({"dtick": 1} if max(part.runs for part in parts) <= FEW else {})


def _other(part: Part) -> int:
    return part.runs - part.completed - part.failed - part.open


def _x(part: Part) -> str:
    """The middle of the part, so that bars and points stand in it."""
    return _moment(part.start + (part.end - part.start) / 2)


def _moment(moment: datetime) -> str:
    # Plotly draws a moment as it is written, in no time zone.
    return moment.replace(tzinfo=None).isoformat()


def _unit(most_us: int) -> tuple[int, str]:
    return next(((size, word) for size, word, end in UNITS if most_us < end), LARGEST_UNIT)
