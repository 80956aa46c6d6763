"""Previews as Plotly figures. ``meta`` names a token of colour."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.whatif import SECOND, Prediction
from orchestrator.models.fields import from_micros

SHARES = 50
PARTS = 60
FEW = 4
STYLES = (("Before", "--st-cancelled", "dot"), ("After", "--st-running", "solid"))
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


def figure(before: Prediction, after: Prediction, since: datetime) -> dict[str, Any]:
    """Above, the share of runs that wait at most so long; below, the places that are used as time goes by."""
    both = (before, after)
    part = max(1, round(max(one.finished_seconds for one in both) * SECOND / PARTS))
    moments = [_moment(since + timedelta(microseconds=(n + 0.5) * part)) for n in range(PARTS)]
    styled = list(zip(STYLES, both, strict=True))
    waits = [_line(style, *_shares(one), hover="%{y:.0f} % wait at most %{x:.2f} s") for style, one in styled]
    used = [
        _line(style, moments, _rounded(one.at_once(part, PARTS)), hover="%{y:.2f} at once") | SECOND_PLOT
        for style, one in styled
    ]
    return {"data": [*waits, *used], "layout": LAYOUT}


SECOND_PLOT = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
LAYOUT = {
    "xaxis": {"title": {"text": "Waited (s)"}, "rangemode": "tozero", "anchor": "y"},
    "yaxis": {"title": {"text": "Runs (%)"}, "range": [0, 101], "domain": [0.6, 1]},
    "xaxis2": {"type": "date", "anchor": "y2"},
    "yaxis2": {"title": {"text": "At once"}, "rangemode": "tozero", "domain": [0, 0.4]},
    "legend": LEGEND,
    "showlegend": True,
}


def skips_figure(skips: Sequence[Sequence[int]], first: int, last: int) -> dict[str, Any]:
    """Bars: how many are skipped in each part of the time, before and after. Microseconds since 1970."""
    part = -(-(last - first + 1) // PARTS)
    moments = [_moment(from_micros(first + n * part + part // 2)) for n in range(PARTS)]
    counted = [Counter((at - first) // part for at in some) for some in skips]
    numbers = [[some[n] for n in range(PARTS)] for some in counted]
    traces = [_bars(style, moments, some) for style, some in zip(STYLES, numbers, strict=True)]
    few = {"dtick": 1} if max(map(max, numbers)) <= FEW else {}  # or its axis would name halves as whole numbers
    return {"data": traces, "layout": SKIPS_LAYOUT | {"yaxis": SKIPS_LAYOUT["yaxis"] | few}}


SKIPS_LAYOUT: dict[str, Any] = {
    "barmode": "group",
    "xaxis": {"type": "date"},
    "yaxis": {"title": {"text": "Skipped"}, "rangemode": "tozero", "tickformat": ",d"},
    "legend": LEGEND,
    "showlegend": True,
}


def _line(style: tuple[str, str, str], x: Sequence[Any], y: Sequence[float], *, hover: str) -> dict[str, Any]:
    name, colour, dash = style
    return {
        "type": "scatter", "mode": "lines", "name": name, "meta": colour, "x": x, "y": y,
        "line": {"shape": "hv", "dash": dash}, "marker": {}, "hovertemplate": hover,
    }  # fmt: skip


def _bars(style: tuple[str, str, str], x: Sequence[str], y: Sequence[int]) -> dict[str, Any]:
    name, colour, dash = style
    pattern = {"shape": "/" if dash == "dot" else "", "size": 6, "fillmode": "overlay"}
    return {
        "type": "bar", "name": name, "meta": colour, "x": x, "y": y,
        "marker": {"pattern": pattern}, "hovertemplate": "%{y} skipped",
    }  # fmt: skip


def _shares(prediction: Prediction) -> tuple[list[float], list[float]]:
    shares = [n / SHARES for n in range(SHARES + 1)]
    return [round(prediction.percentile(share), 3) for share in shares], [round(share * 100, 1) for share in shares]


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 3) for value in values]


def _moment(moment: datetime) -> str:
    # Plotly draws a moment as it is written, in no time zone.
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
