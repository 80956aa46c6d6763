"""The workloads W1 to W5 and W8, in the engine's own process. Each answers its figures by name."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import pairwise
from time import perf_counter

from benchmarks.client import Client
from benchmarks.functions import marks
from benchmarks.percentiles import percentiles
from benchmarks.sizes import Sizes


async def warm_up(client: Client, sizes: Sizes) -> None:
    """Statements are prepared and code is loaded before anything is measured."""
    await client.saturate("five-steps", runs=sizes.warm_up_runs, in_flight=10, limit_seconds=sizes.limit_seconds)


async def w1(client: Client, sizes: Sizes) -> dict[str, float]:
    """Throughput of runs with one step."""
    return await _throughput(client, sizes, "w1", "one-step")


async def w2(client: Client, sizes: Sizes) -> dict[str, float]:
    """Throughput of runs with five steps one after another."""
    return await _throughput(client, sizes, "w2", "five-steps")


async def flow(client: Client, sizes: Sizes) -> dict[str, float]:
    """W1 and W2 with concurrency, throttle and priority, none of which holds anybody back."""
    one = await _throughput(client, sizes, "flow_w1", "one-step-flow")
    return one | await _throughput(client, sizes, "flow_w2", "five-steps-flow")


async def _throughput(client: Client, sizes: Sizes, workload: str, name: str) -> dict[str, float]:
    saturate = partial(client.saturate, name, runs=sizes.runs, limit_seconds=sizes.limit_seconds)
    return {f"{workload}_{n}_runs_per_s": await saturate(in_flight=n) for n in sizes.in_flight}


async def w3(client: Client, sizes: Sizes) -> dict[str, float]:
    """Unloaded latency from sending the event, its durable acceptance included, to the function's first line."""
    latencies = []
    for _ in range(sizes.samples):
        marks.clear()
        begin = perf_counter()
        await client.run("first-line")
        latencies.append(marks[0] - begin)
    return percentiles("w3", latencies, 50, 95, 99)


async def w4(client: Client, sizes: Sizes) -> dict[str, float]:
    """The gap between two steps of one run; between the bodies lies one durable checkpoint."""
    gaps: list[float] = []
    for _ in range(sizes.long_runs):
        marks.clear()
        await client.run("long", n=sizes.long_steps)
        assert len(marks) == sizes.long_steps
        gaps += [after - before for before, after in pairwise(marks)]
    return percentiles("w4", gaps, 50, 99)


async def w5(client: Client, sizes: Sizes) -> dict[str, float]:
    """One run that fans out, from its event to its end: parallel steps, then child runs."""
    return {
        "w5_steps_s": await client.run("parallel-steps", n=sizes.branches),
        "w5_children_s": await client.run("children", n=sizes.branches, runs=1 + sizes.branches),
    }


async def w8(client: Client, sizes: Sizes) -> dict[str, float]:
    """How late runs go on after a durable sleep of a second, when many sleep at once."""
    marks.clear()
    await client.run("sleeper", times=sizes.sleepers, runs=sizes.sleepers)
    assert len(marks) == sizes.sleepers
    return percentiles("w8", marks, 50, 99)


WORKLOADS: Mapping[str, Callable[[Client, Sizes], Awaitable[dict[str, float]]]] = {
    "W1": w1,
    "W2": w2,
    "W3": w3,
    "W4": w4,
    "W5": w5,
    "W8": w8,
    "FLOW": flow,
}
