"""Absurd: async tasks with steps on PostgreSQL, workers in the client's own process.

A worker has one connection, over which its tasks' commits wait for one another: so there are eight of 16 tasks at once,
and eight clients. Workers poll every 20 ms when they find nothing: the default of 250 ms would decide alone how long an
idle system takes to begin. Waiting for children in their parent's queue is not possible.
"""

import asyncio
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import count as counter
from typing import Any

import psycopg
from absurd_sdk import AsyncAbsurd
from absurdctl import BUNDLED_SCHEMA_SQL

from benchmarks.peers.postgres import database_url, postgres_facts, postmaster_pid
from benchmarks.peers.program import Peer, measure, run
from benchmarks.sizes import Sizes

NAP_SECONDS = 1.0
CONNECTIONS = 8
CONCURRENCY = 16
POLL_SECONDS = 0.02
QUEUE = "bench"
URL = database_url()

clients = [AsyncAbsurd(URL, queue_name=QUEUE) for _ in range(CONNECTIONS)]
workers = [AsyncAbsurd(URL, queue_name=QUEUE) for _ in range(CONNECTIONS)]
keys = counter()
ended: dict[int, "asyncio.Future[list[float]]"] = {}


async def nothing() -> None:
    """A step's body."""


async def moment() -> float:
    return time.time()


async def steps(params: Any, ctx: Any) -> None:
    """The client in this process is told; the task's end is committed after it."""
    for number in range(params["steps"]):
        await ctx.step(f"step-{number}", nothing)
    ended.pop(params["key"]).set_result([])


async def marks(params: Any, ctx: Any) -> None:
    begun = time.time()
    found = [await ctx.step(f"step-{number}", moment) for number in range(params["steps"])]
    ended.pop(params["key"]).set_result(found or [begun])


async def parallel(params: Any, ctx: Any) -> None:
    await asyncio.gather(*(ctx.step(f"branch-{number}", nothing) for number in range(params["steps"])))
    ended.pop(params["key"]).set_result([])


async def sleeper(params: Any, ctx: Any) -> None:
    due = NAP_SECONDS + await ctx.step("asleep", moment)  # the body is run again after the sleep
    await ctx.sleep_until("nap", due)
    ended.pop(params["key"]).set_result([time.time() - due])


TASKS = {"steps": steps, "marks": marks, "parallel": parallel, "sleeper": sleeper}


async def begin(task: str, count: int = 1) -> list[float]:
    key = next(keys)
    ended[key] = told = asyncio.get_running_loop().create_future()
    await clients[key % CONNECTIONS].spawn(task, {"key": key, "steps": count})
    return await told


async def one_step() -> None:
    await begin("steps", 1)


async def five_steps() -> None:
    await begin("steps", 5)


async def first_line() -> float:
    return (await begin("marks", 0))[0]


async def fan_out(branches: int) -> None:
    await begin("parallel", branches)
    await settle()


async def sleepers(count: int) -> Sequence[float]:
    return [late for [late] in await asyncio.gather(*(begin("sleeper") for _ in range(count)))]


async def settle() -> None:
    """Until the database says that every task has ended."""
    async with await psycopg.AsyncConnection.connect(URL, autocommit=True) as connection:
        while True:
            sql = f"SELECT 1 FROM absurd.t_{QUEUE} WHERE state IN ('pending', 'running', 'sleeping') LIMIT 1"
            if await (await connection.execute(sql.encode())).fetchone() is None:
                return
            await asyncio.sleep(0.002)


async def main(workloads: Sequence[str], sizes: Sizes) -> dict[str, Any]:
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute(BUNDLED_SCHEMA_SQL.encode())
    await clients[0].create_queue()
    for absurd in (*clients, *workers):
        for name, body in TASKS.items():
            absurd.register_task(name)(body)
    working = [
        asyncio.create_task(worker.start_worker(f"worker-{n}", concurrency=CONCURRENCY, poll_interval=POLL_SECONDS))
        for n, worker in enumerate(workers)
    ]
    peer = Peer(
        one_step=one_step,
        five_steps=five_steps,
        first_line=first_line,
        long=lambda count: begin("marks", count),
        parallel_steps=fan_out,
        sleepers=sleepers,
        settle=settle,
        server_pid=postmaster_pid(URL),
    )
    answer = {
        "figures": await measure(peer, workloads, sizes),
        "versions": {name: version(name) for name in ("absurd-sdk", "absurdctl", "psycopg")},
        "durability": postgres_facts(URL),
    }
    for task in working:
        task.cancel()
    return answer


if __name__ == "__main__":
    run(main)
