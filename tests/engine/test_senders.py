"""Processes that send and run nothing: a web server beside the engine, a shell, a script."""

import atexit
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from orchestrator import Context, function, send
from orchestrator.engine.runtime import install
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed, run_of, runs_of, soon

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def greeting(functions: None) -> None:
    @function(on="user/joined")
    async def greet(ctx: Context[Any]) -> str:
        return f"hello {ctx.event.data['name']}"


@pytest.fixture
def nothing_sent_yet(greeting: None, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as one that has no engine and has not spoken to any; at the end of the test it exits as such."""
    at_exit: list[Callable[[], object]] = []
    monkeypatch.setattr(atexit, "register", lambda end, *args, **kwargs: at_exit.append(partial(end, *args, **kwargs)))
    former = install(None)
    yield
    install(former)
    for end in reversed(at_exit):
        end()


def test_the_first_event_of_a_process_may_be_sent_inside_a_transaction(
    nothing_sent_yet: None, start: StartEngine
) -> None:
    with transaction.atomic():
        sent = send("user/joined", {"name": "alice"})
    soon(lambda: runs_of(sent))
    start()
    assert completed(run_of(sent)) == "hello alice"


def test_after_a_first_event_that_was_rolled_back_the_next_one_starts_its_run(
    nothing_sent_yet: None, start: StartEngine
) -> None:
    with transaction.atomic():
        send("user/joined", {"name": "bob"})
        transaction.set_rollback(True)
    sent = send("user/joined", {"name": "carol"})
    assert len(runs_of(sent)) == 1


def test_what_is_sent_before_the_first_engine_starts_is_not_lost(nothing_sent_yet: None, start: StartEngine) -> None:
    sent = send("user/joined", {"name": "dave"})
    start()
    assert completed(run_of(sent)) == "hello dave"
