"""DBOS: async workflows, started in their own process; on SQLite without DATABASE_URL, else on PostgreSQL.

Workflows are started directly, which is faster than through DBOS's queues and as durable. SQLite is used as DBOS opens
it, with a rollback journal: it has no setting for that.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dbos import DBOS
from dbos._dbos import _get_dbos_instance

from benchmarks.peers.postgres import database_url, postgres_facts, postmaster_pid
from benchmarks.peers.program import Peer, measure, run
from benchmarks.sizes import Sizes

NAP_SECONDS = 1.0
SYNCHRONOUS = {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}
moments: list[float] = []
late: list[float] = []


@DBOS.step()
async def nothing() -> None:
    """A step's body."""


@DBOS.step()
async def mark() -> None:
    moments.append(time.time())


@DBOS.workflow()
async def one_step() -> None:
    await nothing()


@DBOS.workflow()
async def five_steps() -> None:
    for _ in range(5):
        await nothing()


@DBOS.workflow()
async def first_line() -> None:
    moments.append(time.time())


@DBOS.workflow()
async def long(steps: int) -> None:
    for _ in range(steps):
        await mark()


@DBOS.workflow()
async def parallel_steps(branches: int) -> None:
    await asyncio.gather(*(nothing() for _ in range(branches)))


@DBOS.workflow()
async def leaf(number: int) -> int:
    return number


@DBOS.workflow()
async def children(branches: int) -> int:
    handles = [await DBOS.start_workflow_async(leaf, number) for number in range(branches)]
    return sum([await handle.get_result() for handle in handles])


@DBOS.workflow()
async def sleeper() -> None:
    asleep = time.time()
    await DBOS.sleep_async(NAP_SECONDS)
    late.append(time.time() - asleep - NAP_SECONDS)


async def begin(workflow: Any, *arguments: Any) -> None:
    """Start a workflow in the background, as a server would, and wait for its result."""
    handle = await DBOS.start_workflow_async(workflow, *arguments)
    await handle.get_result()


async def first() -> float:
    moments.clear()
    await begin(first_line)
    return moments[0]


async def steps(count: int) -> Sequence[float]:
    moments.clear()
    await begin(long, count)
    return moments


async def sleepers(count: int) -> Sequence[float]:
    late.clear()
    await asyncio.gather(*(begin(sleeper) for _ in range(count)))
    return late


async def main(workloads: Sequence[str], sizes: Sizes) -> dict[str, Any]:
    url = database_url() if "DATABASE_URL" in os.environ else None
    file = Path(os.environ["BENCH_FOLDER"]) / "dbos.sqlite"
    DBOS(config={"name": "bench", "system_database_url": url or f"sqlite:///{file}", "log_level": "ERROR"})
    DBOS.launch()
    peer = Peer(
        one_step=lambda: begin(one_step),
        five_steps=lambda: begin(five_steps),
        first_line=first,
        long=steps,
        parallel_steps=lambda count: begin(parallel_steps, count),
        children=lambda count: begin(children, count),
        sleepers=sleepers,
        server_pid=postmaster_pid(url) if url else None,
    )
    return {
        "figures": await measure(peer, workloads, sizes),
        "versions": {name: version(name) for name in ("dbos", "SQLAlchemy", "psycopg")},
        "durability": postgres_facts(url) if url else sqlite_facts(),
    }


def sqlite_facts() -> dict[str, str]:
    """As DBOS's own engine opens its file, which a connection of ours would not tell."""
    instance: Any = _get_dbos_instance()
    with instance._sys_db.engine.connect() as connection:
        ask = connection.exec_driver_sql
        facts = {name: str(ask(f"PRAGMA {name}").scalar()) for name in ("journal_mode", "synchronous")}
        facts["synchronous"] = SYNCHRONOUS[facts["synchronous"]]
        return {"database": f"SQLite {ask('SELECT sqlite_version()').scalar()}"} | facts


if __name__ == "__main__":
    run(main)
