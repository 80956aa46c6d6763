"""Procrastinate: async jobs on PostgreSQL, a worker in the client's own process. It has no steps, and keeps no results.

The worker is woken by LISTEN/NOTIFY and runs up to 100 jobs at once. It also polls every 50 ms: the default of 5 s
would decide alone how late scheduled jobs are.
"""

import asyncio
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import count as counter
from typing import Any

from procrastinate import App, PsycopgConnector
from psycopg import AsyncConnection

from benchmarks.peers.postgres import database_url, postgres_facts, postmaster_pid
from benchmarks.peers.program import Peer, measure, run
from benchmarks.sizes import Sizes

NAP_SECONDS = 1.0
CONCURRENCY = 100
POLL_SECONDS = 0.05
URL = database_url()

app = App(connector=PsycopgConnector(conninfo=URL, min_size=4, max_size=20))
keys = counter()
ended: dict[int, "asyncio.Future[float]"] = {}


@app.task(name="nothing")
async def nothing(key: int) -> None:
    """The moment is told to the client in this process; the job's end is committed after it."""
    ended.pop(key).set_result(time.time())


def waited() -> int:
    key = next(keys)
    ended[key] = asyncio.get_running_loop().create_future()
    return key


async def one() -> float:
    key = waited()
    moment = ended[key]
    await nothing.defer_async(key=key)
    return await moment


async def one_step() -> None:
    await one()


async def fan_out(branches: int) -> None:
    jobs = [waited() for _ in range(branches)]
    moments = [ended[key] for key in jobs]
    await nothing.batch_defer_async(*({"key": key} for key in jobs))
    await asyncio.gather(*moments)
    await settle()


async def sleepers(count: int) -> Sequence[float]:
    jobs = [waited() for _ in range(count)]
    moments = [ended[key] for key in jobs]
    due = time.time() + NAP_SECONDS
    await nothing.configure(schedule_in={"seconds": NAP_SECONDS}).batch_defer_async(*({"key": key} for key in jobs))
    return [moment - due for moment in await asyncio.gather(*moments)]


async def settle() -> None:
    """Until the database says that every job has ended."""
    async with await AsyncConnection.connect(URL, autocommit=True) as connection:
        while True:
            sql = "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing') LIMIT 1"
            if await (await connection.execute(sql)).fetchone() is None:
                return
            await asyncio.sleep(0.002)


async def main(workloads: Sequence[str], sizes: Sizes) -> dict[str, Any]:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=CONCURRENCY, fetch_job_polling_interval=POLL_SECONDS, install_signal_handlers=False
            )
        )
        peer = Peer(
            one_step=one_step,
            first_line=one,
            parallel_steps=fan_out,
            sleepers=sleepers,
            settle=settle,
            server_pid=postmaster_pid(URL),
        )
        answer = {
            "figures": await measure(peer, workloads, sizes),
            "versions": {name: version(name) for name in ("procrastinate", "psycopg")},
            "durability": postgres_facts(URL),
        }
        worker.cancel()
        return answer


if __name__ == "__main__":
    run(main)
