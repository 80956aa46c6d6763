"""The workloads W1 to W5. Each answers its figures by name; ``targets`` says what they should be."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from statistics import quantiles
from time import perf_counter

from benchmarks.client import Client
from benchmarks.functions import BRANCHES, LONG_STEPS, marks

RUNS = 2_000
SAMPLES = 200
LONG_RUNS = 5
WARM_UP_RUNS = 50


async def warm_up(client: Client) -> None:
    """Statements are prepared and code is loaded before anything is measured."""
    await client.saturate("five-steps", runs=WARM_UP_RUNS, in_flight=10)


async def w1(client: Client) -> dict[str, float]:
    """Throughput of runs with one step."""
    return {f"w1_{n}_runs_per_s": await client.saturate("one-step", runs=RUNS, in_flight=n) for n in (50, 500)}


async def w2(client: Client) -> dict[str, float]:
    """Throughput of runs with five steps one after another."""
    return {f"w2_{n}_runs_per_s": await client.saturate("five-steps", runs=RUNS, in_flight=n) for n in (50, 500)}


async def w3(client: Client) -> dict[str, float]:
    """Unloaded latency from sending the event, its durable acceptance included, to the function's first line."""
    latencies = []
    for _ in range(SAMPLES):
        marks.clear()
        begin = perf_counter()
        await client.run("first-line")
        latencies.append(marks[0] - begin)
    return _percentiles("w3", latencies, 50, 95, 99)


async def w4(client: Client) -> dict[str, float]:
    """The gap between two steps of one run; between the bodies lies one durable checkpoint."""
    gaps: list[float] = []
    for _ in range(LONG_RUNS):
        marks.clear()
        await client.run("long")
        assert len(marks) == LONG_STEPS
        gaps += [after - before for before, after in pairwise(marks)]
    return _percentiles("w4", gaps, 50, 99)


async def w5(client: Client) -> dict[str, float]:
    """One run that fans out, from its event to its end: parallel steps, then child runs."""
    return {
        "w5_steps_s": await client.run("parallel-steps"),
        "w5_children_s": await client.run("children", runs=1 + BRANCHES),
    }


WORKLOADS: Mapping[str, Callable[[Client], Awaitable[dict[str, float]]]] = {
    "W1": w1,
    "W2": w2,
    "W3": w3,
    "W4": w4,
    "W5": w5,
}


def _percentiles(workload: str, seconds: list[float], *wanted: int) -> dict[str, float]:
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {f"{workload}_p{percent}_ms": cuts[percent - 1] * 1e3 for percent in wanted}
