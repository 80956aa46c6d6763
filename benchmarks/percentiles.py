"""Percentiles of measured times, named as the tables name them."""

from collections.abc import Sequence
from statistics import quantiles


def percentiles(workload: str, seconds: Sequence[float], *wanted: int) -> dict[str, float]:
    """Such as ``{"w3_p50_ms": 1.2}``; needs two samples or more."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {f"{workload}_p{percent}_ms": cuts[percent - 1] * 1e3 for percent in wanted}
