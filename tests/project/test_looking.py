"""A look at a database that may hang: shared by those who ask, over a connection of its own, in bounded time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from orchestrator.db.looking import Look
from tests.eventually import eventually

pytestmark = pytest.mark.django_db
LONG = 30.0


class Eyes:
    """Looks when it is let; counts, and keeps, what it looked over."""

    def __init__(self) -> None:
        self.may_see = threading.Event()
        self.looked_over: list[BaseDatabaseWrapper] = []
        self.errors: list[Exception] = []
        self.lost: list[str] = []

    def see(self, wrapper: BaseDatabaseWrapper) -> int:
        self.looked_over.append(wrapper)
        self.may_see.wait(LONG)
        if self.errors:
            raise self.errors.pop()
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT 7")
            return int(cursor.fetchone()[0])


@pytest.fixture
def eyes() -> Iterator[Eyes]:
    eyes = Eyes()
    yield eyes
    eyes.may_see.set()


@pytest.fixture
def look(eyes: Eyes) -> Iterator[Look[int]]:
    look = Look("default", eyes.see, lost=lambda: eyes.lost.append("lost"))
    yield look
    look.close()


def test_those_who_ask_at_once_share_one_look(look: Look[int], eyes: Eyes) -> None:
    with ThreadPoolExecutor(20) as people:
        answers = [people.submit(look.ask, LONG) for _ in range(20)]
        eyes.may_see.set()
        assert {answer.result() for answer in answers} == {7}
    assert len(eyes.looked_over) < 20
    assert look.ask(LONG) == 7
    assert len(set(map(id, eyes.looked_over))) == 1, "the connection is kept"


def test_a_look_that_hangs_is_given_up_and_the_next_one_looks_anew(look: Look[int], eyes: Eyes) -> None:
    with pytest.raises(OperationalError, match="does not answer within"):
        look.ask(0.01)
    eyes.may_see.set()
    assert look.ask(LONG) == 7
    stuck, anew = eyes.looked_over
    assert stuck is not anew
    eventually(lambda: stuck.connection is None)


def test_a_kept_connection_that_was_lost_is_told_and_made_anew(look: Look[int], eyes: Eyes) -> None:
    eyes.may_see.set()
    assert look.ask(LONG) == 7
    assert not eyes.lost
    eyes.errors = [OperationalError("the server closed the connection")]
    assert look.ask(LONG) == 7
    assert eyes.lost == ["lost"]


def test_what_it_raises_is_raised_where_it_was_asked(look: Look[int], eyes: Eyes) -> None:
    eyes.may_see.set()
    eyes.errors = [OperationalError("refused")]
    with pytest.raises(OperationalError, match="refused"):
        look.ask(LONG)
    assert look.ask(LONG) == 7
