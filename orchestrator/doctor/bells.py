"""What carries news between processes: Celery's broker and Channels' layer, asked whether they do."""

import threading
from collections.abc import Iterator
from importlib import import_module

from orchestrator.conf import settings
from orchestrator.doctor.findings import Finding, first_line, ok, warn
from orchestrator.engine import doorbell
from orchestrator.engine.bell import Change
from orchestrator.engine.clock import system_clock
from orchestrator.engine.doorbell import News

LAYER_SECONDS = 3.0
MEANWHILE = "Nothing is lost meanwhile: processes look by themselves every two seconds."
LOOK = f"Look whether it runs and %s is right: host, port, name, password. {MEANWHILE}"


def examine_bells() -> Iterator[Finding]:
    """One finding for each that is configured."""
    if settings().broker_url:
        yield examine_broker()
    if doorbell.make_exchange is not None:
        yield examine_layer(doorbell.make_exchange)


def examine_broker() -> Finding:
    """Whether Celery's broker answers; its address is told without the password."""
    app = import_module("orchestrator.workers.celery").app  # Celery takes its time: only where there is a broker
    with app.connection_for_write() as connection:
        address = connection.as_uri()
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
        except Exception as error:  # whatever a broker's client raises
            return warn("Broker", f"{address} does not answer: {first_line(error)}", LOOK % "BROKER_URL")
    return ok("Broker", f"{address} answers")


def examine_layer(make: doorbell.MakeExchange) -> Finding:
    """Whether what one end of the layer sends comes out of another."""
    heard, listening = threading.Event(), threading.Event()
    mark = system_clock.new_id()

    def hear(news: News) -> None:
        listening.set()
        if mark in news.changes:
            heard.set()

    ends = [make(system_clock.new_id(), listener, for_workers=True) for listener in (hear, lambda _: None)]
    try:
        listening.wait(LAYER_SECONDS)
        ends[1].ring(News(changes={mark: Change(mark, 0)}))
        if heard.wait(LAYER_SECONDS):
            return ok("Channel layer", "carries news between processes")
        reason = f"nothing came through in {LAYER_SECONDS:.0f} s"
    except Exception as error:  # whatever the layer's client raises
        reason = first_line(error)
    finally:
        for end in ends:
            end.close()
    return warn("Channel layer", reason, LOOK % "CHANNEL_LAYER_URL")
