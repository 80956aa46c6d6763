"""How far a run is, and what its processes use: a bar, two lines, and the same in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.core.machines import size_text
from orchestrator.core.ops import Status
from orchestrator.models import Function, Journal, Progress, Run, Sample

WIDTH, HEIGHT = 120, 24  # of a chart, in its own units


@dataclass(frozen=True, slots=True)
class Chart:
    """A line through ``points`` (of an SVG polyline), and what it says: in a word, and in a sentence."""

    name: str
    now: str
    points: str
    words: str


@dataclass(frozen=True, slots=True)
class Usage:
    """``lives``: it may still change. ``fraction`` is text from 0 to 1, empty when the run has not told."""

    run: str
    lives: bool
    fraction: str
    percent: str
    message: str
    machine: str
    charts: Sequence[Chart]

    @property
    def told(self) -> bool:
        return bool(self.fraction or self.charts or self.machine)


def usage(run: Run) -> Usage:
    """Four queries at most."""
    progress = Progress.objects.filter(run=run.id).first()
    samples = list(Sample.objects.filter(run=run.id).order_by("second"))
    machine = _machine(run)
    return Usage(
        run=run.id,
        lives=not Status(run.status).final,
        fraction=f"{progress.fraction:.3f}" if progress else "",
        percent=f"{progress.fraction:.0%}" if progress else "",
        message=progress.message if progress else "",
        machine=_machine_text(machine),
        charts=[_cpu(samples), _memory(samples, machine.get("memory_bytes"))] if samples else [],
    )


def _machine(run: Run) -> Mapping[str, Any]:
    """The one that the run has now."""
    config = Function.objects.filter(env=run.env, slug=run.function).values_list("config", flat=True).first() or {}
    larger: Mapping[str, Any] | None = config.get("on_out_of_memory")
    if larger and Journal.objects.filter(run=run.id, kind="run.enlarged").exists():
        return larger
    machine: Mapping[str, Any] = config.get("machine") or {}
    return machine


def _machine_text(machine: Mapping[str, Any]) -> str:
    if not machine:
        return ""
    return machine["name"] or f"{machine['cpu']:g} CPU, {size_text(machine['memory_bytes'])}"


def _cpu(samples: Sequence[Sample]) -> Chart:
    values = [sample.cpu_percent for sample in samples]
    words = f"Processor: {_percent(values[-1])} of a core now, at most {_percent(max(values))}."
    return Chart("CPU", _percent(values[-1]), _line(samples, values, max(100.0, *values)), words)


def _memory(samples: Sequence[Sample], limit: object) -> Chart:
    values = [sample.memory_bytes for sample in samples]
    known = limit if isinstance(limit, int) else 0
    of = f" of {size_text(known)}" if known else ""
    words = f"Memory: {size_text(values[-1])}{of} now, at most {size_text(max(values))}."
    return Chart("Memory", f"{size_text(values[-1])}{of}", _line(samples, values, max(known, *values)), words)


def _line(samples: Sequence[Sample], values: Sequence[float], most: float) -> str:
    first, last = samples[0].second, samples[-1].second
    span = max(1, last - first)
    places = ((sample.second - first) / span * WIDTH for sample in samples)
    heights = (HEIGHT - 1 - value / (most or 1) * (HEIGHT - 2) for value in values)
    points = [f"{x:.1f},{y:.1f}" for x, y in zip(places, heights, strict=True)]
    return " ".join(points if len(points) > 1 else [*points, f"{WIDTH},{points[0].partition(',')[2]}"])


def _percent(value: float) -> str:
    return f"{value:.0f} %"
