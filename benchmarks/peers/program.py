"""What every peer's program shares: its task, its answer, and the workloads as they are asked of Signalbox.

Nothing here, nor in what it imports, may need Django: it runs on the peers' own virtualenv.
"""

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.loop import saturate
from benchmarks.memory import tree_mb
from benchmarks.percentiles import percentiles
from benchmarks.sizes import SIZES, Sizes

One = Callable[[], Awaitable[None]]
SETTLE_SECONDS = 1.0
LIMIT_SECONDS = 300.0  # for all workloads of one system


@dataclass(kw_only=True)
class Peer:
    """How one system does the workloads; what it cannot do stays None.

    ``one_step``, ``five_steps``, ``first_line``: begin a run and wait for its end.
    """

    one_step: One
    five_steps: One | None = None
    first_line: Callable[[], Awaitable[float]] | None = None  # answers the moment of the first line, time.time()
    long: Callable[[int], Awaitable[Sequence[float]]] | None = None  # the moments of so many steps of one run
    parallel_steps: Callable[[int], Awaitable[None]] | None = None
    children: Callable[[int], Awaitable[None]] | None = None
    sleepers: Callable[[int], Awaitable[Sequence[float]]] | None = None  # seconds late, of so many runs
    settle: Callable[[], Awaitable[None]] | None = None  # until all that was begun is durably over
    own_pid: int = field(default_factory=os.getpid)  # the system's process; its children are its own too
    server_pid: int | None = None  # the database's, or the broker's


async def measure(peer: Peer, workloads: Sequence[str], sizes: Sizes) -> dict[str, float]:
    await _runs(peer, peer.one_step, sizes, runs=sizes.warm_up_runs, in_flight=10)
    figures: dict[str, float] = {}
    for name in workloads:
        if name in WORKLOADS:
            begin = perf_counter()
            figures |= await WORKLOADS[name](peer, sizes)
            print(f"  {name} took {perf_counter() - begin:.1f} s", file=sys.stderr, flush=True)
    return figures


async def _runs(peer: Peer, one: One, sizes: Sizes, **limits: Any) -> float:
    settle = peer.settle

    async def settled(_runs: int) -> None:
        if settle is not None:
            await settle()

    return await saturate(one, limit_seconds=limits.pop("limit_seconds", sizes.limit_seconds), settle=settled, **limits)


async def _throughput(workload: str, peer: Peer, sizes: Sizes) -> dict[str, float]:
    one = peer.one_step if workload == "w1" else peer.five_steps
    if one is None:
        return {}
    runs = partial(_runs, peer, one, sizes, runs=sizes.runs)
    return {f"{workload}_{n}_runs_per_s": await runs(in_flight=n) for n in sizes.in_flight}


async def _w3(peer: Peer, sizes: Sizes) -> dict[str, float]:
    if peer.first_line is None:
        return {}
    latencies = []
    for _ in range(sizes.samples):
        begin = time.time()
        latencies.append(await peer.first_line() - begin)
    return percentiles("w3", latencies, 50, 95, 99)


async def _w4(peer: Peer, sizes: Sizes) -> dict[str, float]:
    if peer.long is None:
        return {}
    gaps: list[float] = []
    for _ in range(sizes.long_runs):
        moments = await peer.long(sizes.long_steps)
        assert len(moments) == sizes.long_steps, len(moments)
        gaps += [after - before for before, after in pairwise(moments)]
    return percentiles("w4", gaps, 50, 99)


async def _w5(peer: Peer, sizes: Sizes) -> dict[str, float]:
    figures = {}
    for name, fan_out in (("w5_steps_s", peer.parallel_steps), ("w5_children_s", peer.children)):
        if fan_out is not None:
            begin = perf_counter()
            await fan_out(sizes.branches)
            figures[name] = perf_counter() - begin
    return figures


async def _w7(peer: Peer, sizes: Sizes) -> dict[str, float]:
    await asyncio.sleep(SETTLE_SECONDS)
    idle, begin = _memory(peer, "idle"), perf_counter()
    in_flight = max(sizes.in_flight)
    limits = {"runs": sizes.memory_runs, "limit_seconds": sizes.memory_seconds}
    per_second = await _runs(peer, peer.one_step, sizes, in_flight=in_flight, **limits)
    runs = round(per_second * (perf_counter() - begin))
    await asyncio.sleep(SETTLE_SECONDS)
    return {"w7_runs": runs} | idle | _memory(peer, "after")


async def _w8(peer: Peer, sizes: Sizes) -> dict[str, float]:
    if peer.sleepers is None:
        return {}
    late = await peer.sleepers(sizes.sleepers)
    assert len(late) == sizes.sleepers, len(late)
    return percentiles("w8", late, 50, 99)


WORKLOADS: dict[str, Callable[[Peer, Sizes], Awaitable[dict[str, float]]]] = {
    "W7": _w7,  # first: idle is before the other workloads
    "W1": partial(_throughput, "w1"),
    "W2": partial(_throughput, "w2"),
    "W3": _w3,
    "W4": _w4,
    "W5": _w5,
    "W8": _w8,
}


def _memory(peer: Peer, when: str) -> dict[str, float]:
    figures = {f"w7_{when}_mb": tree_mb(peer.own_pid)}
    if peer.server_pid is not None:
        figures[f"w7_database_{when}_mb"] = tree_mb(peer.server_pid)
    return figures


def run(main: Callable[[Sequence[str], Sizes], Awaitable[dict[str, Any]]]) -> None:
    """``python -m benchmarks.peers.programs.NAME W1,W2 full FILE``; ``main`` answers figures, versions and facts."""
    wanted = sys.argv[1].split(",")
    workloads = [name for name in WORKLOADS if name in wanted]
    exit_code = 1
    try:
        answer = asyncio.run(asyncio.wait_for(main(workloads, SIZES[sys.argv[2]]), LIMIT_SECONDS))
        Path(sys.argv[3]).write_text(json.dumps(answer))
        exit_code = 0
    except BaseException:  # a peer's threads would keep a process whose main thread has failed
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(exit_code)  # what a peer's threads still do is no part of the answer
