"""PostgreSQL goes away under a web server: fifty who ask hear it soon, and are served soon after it is back."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.eventually import eventually
from tests.live import Requests
from tests.servers import PostgresCluster
from tests.workers.installation import Installation
from torture.servers import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]
AT_ONCE = 50
SOON_SECONDS = 4.0  # two of the answer, and what a machine under a whole test suite adds
READY, RUNS, AN_END = "/readyz", "/api/v1/runs", "/api/v1/runs/01JD0000000000000000000000?wait=5"
EVENTS = "/e/dev"


@pytest.fixture
def site(cluster: PostgresCluster, tmp_path: Path) -> Iterator[Requests]:
    installation = Installation(tmp_path, {"DATABASE_URL": cluster.url})
    yield installation.web(free_port())
    installation.end()


class Answer:
    """Of a request that is made at once: its status, how long it took, and what it says."""

    def __init__(self, url: str) -> None:
        begin = time.monotonic()
        body = b'{"name": "nobody/listens"}' if EVENTS in url else None
        headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
        try:
            with urlopen(Request(url, body, headers), timeout=60) as response:
                self.status, self.said, self.retry_after = response.status, response.read().decode(), None
        except HTTPError as error:
            self.status, self.said, self.retry_after = error.code, error.read().decode(), error.headers["Retry-After"]
        self.seconds = time.monotonic() - begin


def crowd(site: Requests, *paths: str) -> list[Answer]:
    """Fifty requests for each path, all at once."""
    with ThreadPoolExecutor(AT_ONCE * len(paths)) as people:
        return list(people.map(Answer, [site.url + path for path in paths for _ in range(AT_ONCE)]))


def assert_told_soon(answers: list[Answer]) -> None:
    assert {answer.status for answer in answers} == {503}
    assert {answer.retry_after for answer in answers} == {"1"}
    assert max(answer.seconds for answer in answers) < SOON_SECONDS
    assert all("the database does not answer" in answer.said for answer in answers)


def seconds_until(site: Requests, path: str) -> float:
    """Until it is answered with 200."""
    begin = time.monotonic()
    eventually(lambda: Answer(site.url + path).status == 200)
    return time.monotonic() - begin


def test_fifty_hear_soon_that_the_database_was_stopped_and_are_served_when_it_is_back(
    site: Requests, cluster: PostgresCluster
) -> None:
    crowd(site, READY, RUNS, EVENTS)  # the pool is full
    cluster.stop()
    for path in (READY, EVENTS, RUNS, AN_END):
        assert_told_soon(crowd(site, path))
    assert Answer(site.url + "/runs").status == 503
    assert "start it, or see where DATABASE_URL leads" in Answer(site.url + READY).said
    assert Answer(site.url + "/healthz").seconds < SOON_SECONDS
    cluster.start()
    assert seconds_until(site, READY) < SOON_SECONDS
    assert seconds_until(site, RUNS) < SOON_SECONDS
    assert {answer.status for answer in crowd(site, READY, RUNS, EVENTS)} == {200}


@pytest.fixture
def frozen(cluster: PostgresCluster) -> Iterator[Callable[[int], None]]:
    """Sends a signal to every process of the server; it goes on in the end, to be removed."""

    def tell(number: int) -> None:
        for process in cluster.processes():
            os.kill(process, number)

    yield tell
    tell(signal.SIGCONT)


def test_fifty_hear_soon_that_the_database_hangs(site: Requests, frozen: Callable[[int], None]) -> None:
    assert Answer(site.url + READY).status == 200
    frozen(signal.SIGSTOP)
    assert_told_soon(crowd(site, READY))
    assert_told_soon(crowd(site, READY))
    frozen(signal.SIGCONT)
    assert seconds_until(site, READY) < SOON_SECONDS
    assert {answer.status for answer in crowd(site, READY, RUNS)} == {200}


def test_it_is_ready_as_soon_as_the_database_was_crashed_and_started_anew(
    site: Requests, cluster: PostgresCluster
) -> None:
    crowd(site, READY, RUNS)
    cluster.crash()
    cluster.start()
    assert seconds_until(site, READY) < SOON_SECONDS
    assert {answer.status for answer in crowd(site, RUNS)} == {200}, "connections that were lost are lent no more"
