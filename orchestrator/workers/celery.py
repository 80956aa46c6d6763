"""Celery as doorbell and process supervisor: ``celery -A orchestrator.workers.celery worker -Q default``.

A worker process hosts an engine; a message only wakes it. Lost, doubled and late messages cost nothing but time.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import celery.bootsteps
import django
from celery import Celery, signals
from django.apps import apps
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
if not apps.ready:
    django.setup()

from orchestrator.conf import settings
from orchestrator.engine.arrival import await_database
from orchestrator.engine.doorbell import News
from orchestrator.engine.host import EngineHost, start_engine
from orchestrator.engine.load import FIRST_BITE
from orchestrator.engine.runtime import wake

logger = logging.getLogger(__name__)
RING = "signalbox.ring"
EXPIRES_SECONDS = 5  # later the worker has looked by itself
BROKER_SECONDS = 1.0  # to reach the broker: a bell that does not ring in time is not missed
RINGING: dict[str, Any] = {"expires": EXPIRES_SECONDS, "retry": False, "confirm_timeout": BROKER_SECONDS}
KEEP_SECONDS = 10.0  # a connection without a ring: brokers close what is silent, and nobody would notice
MOST_RINGS = 2  # at once: who finds more than it takes rings the next
DRAIN_SECONDS = 10.0

app = Celery("signalbox", set_as_current=False)
app.conf.update(
    broker_url=settings().broker_url,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # No second try: it would keep the other doorbells of a process waiting. The worker's own connection has many.
        "max_retries": 0,
        "socket_connect_timeout": BROKER_SECONDS,
        "socket_timeout": 30,
        "confirm_publish": True,  # RabbitMQ: else what is sent over a connection that has just gone is lost unnoticed
    },
    task_default_queue="default",
    task_ignore_result=True,
    task_acks_late=False,
    # Not by -P: Celery takes "-P prefork", its own default, for no choice at all.
    worker_pool=os.environ.get("WORKER_POOL", "threads"),
    worker_concurrency=1,  # a message only rings; how many runs execute at once is the engine's own setting
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
)
for name in ("celery.app.trace", "celery.worker.strategy"):
    logging.getLogger(name).setLevel(logging.WARNING)  # two lines for each ring say nothing


@app.task(name=RING, ignore_result=True, acks_late=False)  # type: ignore[untyped-decorator]
def ring() -> None:
    """Runs of this queue may be ready: the engine of this process looks."""
    wake()


class CeleryBell:
    """A message a queue, and more for more runs: as many of its workers begin at once, whichever get them."""

    def __init__(self, queues: Callable[[], Sequence[str]]) -> None:
        self._queues = queues
        self._connection: Connection | None = None
        self._used_at = 0.0  # time.monotonic()

    def ring(self, news: News) -> None:
        if not (news.ready or news.runs):
            return
        began = time.monotonic()
        if began - self._used_at > KEEP_SECONDS:
            self._drop()
        kept = self._connection is not None
        try:
            self._send(news)
        except Exception:  # whatever a broker's client raises
            self._drop()
            if not kept or time.monotonic() - began > BROKER_SECONDS:
                raise
            self._send(news)  # the broker began anew since the last ring
        self._used_at = began

    def _send(self, news: News) -> None:
        times = min(-(-news.ready // FIRST_BITE), MOST_RINGS) or 1
        if self._connection is None:
            self._connection = app.connection_for_write()
        with app.amqp.Producer(self._connection) as producer:
            for queue in list(self._queues() or ("default",)) * times:
                ring.apply_async(producer=producer, queue=queue, **RINGING)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it may be gone already
                connection.release()

    def close(self) -> None:
        self._drop()
        app.close()


class EngineStep(celery.bootsteps.StartStopStep):  # type: ignore[misc]
    """The engine of a worker whose pool is in its own process (threads, solo)."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        self._in_children = worker.pool_cls.__module__.endswith(".prefork")
        self._host: EngineHost | None = None
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        if not self._in_children:
            self._host = _start_engine(list(worker.app.amqp.queues.consume_from))

    def stop(self, worker: Any) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.drain(DRAIN_SECONDS)

    terminate = stop


app.steps["worker"].add(EngineStep)
_child: list[EngineHost] = []


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _leave_logging_alone(**_: Any) -> None:
    """Whoever listens to this signal has configured it: Django's settings say how this process logs."""


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def _await_database(**_: Any) -> None:
    """Before Celery minds signals and starts its pool, whose processes have four seconds to get ready."""
    await_database(settings().database)


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def _in_child(**_: Any) -> None:
    """With the prefork pool each of its processes hosts an engine."""
    _child.append(_start_engine(list(app.amqp.queues.consume_from)))


@signals.worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _child_ends(**_: Any) -> None:
    while _child:
        _child.pop().drain(DRAIN_SECONDS)


def _start_engine(queues: Sequence[str]) -> EngineHost:
    """Without the scheduler's duties: ``manage.py scheduler`` has them."""
    logger.info("engine.starting", extra={"queues": list(queues)})
    return start_engine(scheduler=False, queues=queues)
