"""send() and the author's own transaction: the event exists only if the data do, and is routed exactly once."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from orchestrator import Context, SyncTaskContext, TaskContext, function, send, task
from orchestrator.core.errors import MisplacedCall
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.routing import route_unrouted
from orchestrator.engine.runtime import current
from orchestrator.models import Event, Run
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, ended, error, event_row, run_of, runs_of, soon, until
from tests.engine.writers import all_at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def greeting() -> None:
    @function(on="user/joined")
    async def greet(ctx: Context[Any]) -> str:
        return f"hello {ctx.event.data['name']}"


def test_an_event_sent_in_a_committed_transaction_is_routed_once_after_it(
    functions: None, greeting: None, start: StartEngine
) -> None:
    start()
    with transaction.atomic():
        User.objects.create(username="alice")
        sent = send("user/joined", {"name": "alice"})
        assert event_row(sent).routed_at is None
        assert runs_of(sent) == []
    soon(lambda: runs_of(sent))

    assert completed(run_of(sent)) == "hello alice"
    assert event_row(sent).routed_at is not None


def test_an_event_sent_in_a_transaction_that_rolls_back_never_was(
    functions: None, greeting: None, start: StartEngine
) -> None:
    start()

    @transaction.atomic
    def join_and_fail() -> None:
        User.objects.create(username="bob")
        send("user/joined", {"name": "bob"})
        raise LookupError

    with pytest.raises(LookupError):
        join_and_fail()
    with transaction.atomic():
        kept = send("user/joined", {"name": "carol"})
        try:
            with transaction.atomic():
                send("user/joined", {"name": "dave"})
                raise LookupError
        except LookupError:
            pass
    soon(lambda: runs_of(kept))

    assert list(Event.objects.values_list("id", flat=True)) == [kept]
    assert completed(run_of(kept)) == "hello carol"
    assert Run.objects.count() == 1


def test_what_its_sender_could_not_ring_for_is_routed_by_the_sweep(
    functions: None, greeting: None, start: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = start()
    monkeypatch.setattr(type(host.runtime), "route_soon", lambda self: None)  # it died between commit and bell
    with transaction.atomic():
        sent = send("user/joined", {"name": "erin"})
    assert completed_soon(sent) == "hello erin"


def completed_soon(event: str) -> Any:
    soon(lambda: runs_of(event))
    return completed(run_of(event))


def test_many_routers_route_an_event_once(functions: None, greeting: None, start: StartEngine) -> None:
    start()
    runtime = current()

    def route() -> None:
        def call(tx: Tx) -> None:
            route_unrouted(tx, runtime.starting)

        for _ in range(10):
            runtime.journal.submit(Call(call)).result(10)

    sent: list[str] = []

    def sender() -> None:
        for n in range(15):
            with transaction.atomic():
                sent.append(send("user/joined", {"name": str(n)}))

    all_at_once(sender, sender, route, route)
    for event in sent:
        soon(lambda event=event: runs_of(event))
        assert len(runs_of(event)) == 1


def test_an_event_from_a_transaction_wakes_who_waits_for_it(start: StartEngine) -> None:
    @task()
    async def waiting(ctx: TaskContext) -> Any:
        joined = await ctx.step.wait_for_event("joined", "user/joined")
        return joined.data["name"] if joined else None

    start()
    run = waiting.trigger()
    until(run, "waiting")
    with transaction.atomic():
        send("user/joined", {"name": "frank"})
    assert completed(run) == "frank"


def test_an_id_sent_again_in_a_transaction_starts_nothing(functions: None, greeting: None, start: StartEngine) -> None:
    start()
    first = send("user/joined", {"name": "gina"}, id="gina")
    with transaction.atomic():
        second = send("user/joined", {"name": "gina"}, id="gina")
    soon(lambda: event_row(second).routed_at)

    assert runs_of(second) == []
    assert event_row(second).duplicate_of == first
    assert len(runs_of(first)) == 1


def test_an_event_sent_by_a_step_body_is_stored_at_once(functions: None, greeting: None, start: StartEngine) -> None:
    @task()
    async def sending(ctx: TaskContext) -> str:
        return await ctx.step.run("send", lambda: send("user/joined", {"name": "hugo"}))

    start()
    sent = completed(sending.trigger())
    assert completed(run_of(sent)) == "hello hugo"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no one lock that both would wait for")
def test_what_would_wait_for_its_own_transaction_is_refused(start: StartEngine) -> None:
    @task(retries=0)
    def misplaced(ctx: SyncTaskContext) -> None:
        with transaction.atomic():
            ctx.step.run("inside", lambda: 1)

    start()
    with transaction.atomic(), pytest.raises(MisplacedCall, match="on_commit"):
        misplaced.trigger()
    run = misplaced.trigger()

    assert ended(run).status == "failed"
    assert "inside transaction.atomic()" in (error(run) or {})["message"]
