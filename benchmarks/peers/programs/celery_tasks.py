"""Celery with Redis as broker and result backend. It has no steps: chains stand for sequences, groups for fan-outs.

A worker process a core, as by default. Tasks are acknowledged when they have ended, so that a killed worker's are done
again; many are prefetched, which Celery's guide advises for short ones. The client hears of results from Redis itself.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Sequence
from importlib.metadata import version
from typing import Any

from celery import Celery, chain, group
from redis.asyncio import Redis

from benchmarks.peers.program import Peer, measure, run
from benchmarks.sizes import Sizes

NAP_SECONDS = 1.0
META = "celery-task-meta-"

app = Celery("bench", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=64,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="nothing")
def nothing() -> None:
    """A step's body."""


@app.task(name="mark")
def mark() -> float:
    return time.time()


@app.task(name="sleeper")
def sleeper(due: float) -> float:
    return time.time() - due


class Results:
    """Futures of results, resolved by what the backend publishes as it stores them."""

    def __init__(self, redis: "Redis[str]") -> None:
        self.redis = redis
        self._waiting: dict[str, asyncio.Future[Any]] = {}

    async def listen(self) -> None:
        pubsub = self.redis.pubsub()
        await pubsub.psubscribe(META + "*")
        self._listening = asyncio.create_task(self._hear(pubsub))

    def of(self, task_id: str) -> "asyncio.Future[Any]":
        """To be called before the loop is given a turn after the task was sent."""
        return self._waiting.setdefault(task_id, asyncio.get_running_loop().create_future())

    async def _hear(self, pubsub: Any) -> None:
        async for message in pubsub.listen():
            if message["type"] == "pmessage":
                stored = json.loads(message["data"])
                waiting = self._waiting.pop(stored["task_id"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(stored["result"])


async def main(workloads: Sequence[str], sizes: Sizes) -> dict[str, Any]:
    redis: Redis[str] = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
    results = Results(redis)
    await results.listen()
    server = await redis.info()
    command = [sys.executable, "-m", "celery", "-A", __spec__.name, "worker", "--loglevel=ERROR", "--without-mingle"]
    worker = subprocess.Popen([*command, "--without-gossip", "--pool=prefork"], stdout=sys.stderr)  # noqa: ASYNC220, before anything is measured
    try:
        await results.of(nothing.delay().id)  # it works
        return {
            "figures": await measure(_peer(results, worker.pid, server["process_id"]), workloads, sizes),
            "versions": {name: version(name) for name in ("celery", "redis", "kombu")},
            "durability": {
                "database": f"Redis {server['redis_version']}",
                **{name: (await redis.config_get(name))[name] for name in ("appendonly", "save")},
            },
        }
    finally:
        worker.terminate()
        worker.wait(10)


def _peer(results: Results, worker_pid: int, redis_pid: int) -> Peer:
    def five() -> Awaitable[None]:
        return results.of(chain(nothing.si() for _ in range(5)).apply_async().id)

    async def long(count: int) -> Sequence[float]:
        last, parts = chain(mark.si() for _ in range(count)).apply_async(), []
        while last is not None:
            parts.append(results.of(last.id))
            last = last.parent
        return list(reversed(await asyncio.gather(*parts)))

    async def parallel(count: int) -> None:
        sent = group(nothing.si() for _ in range(count)).apply_async()
        await asyncio.gather(*(results.of(result.id) for result in sent.results))

    async def sleepers(count: int) -> Sequence[float]:
        sent = [sleeper.apply_async((time.time() + NAP_SECONDS,), countdown=NAP_SECONDS).id for _ in range(count)]
        return await asyncio.gather(*map(results.of, sent))

    return Peer(
        one_step=lambda: results.of(nothing.delay().id),
        five_steps=five,
        first_line=lambda: results.of(mark.delay().id),
        long=long,
        parallel_steps=parallel,
        sleepers=sleepers,
        own_pid=worker_pid,
        server_pid=redis_pid,
    )


if __name__ == "__main__":
    run(main)
