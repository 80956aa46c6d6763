"""Senders who do what a client must: repeat an event with the same id until it is accepted."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError

from tests.eventually import eventually
from tests.live import LiveServer

PATHS = ("/e/dev", "/api/v1/events")


@dataclass(frozen=True, slots=True)
class Receipt:
    """An event that got its 2xx: the sender's id, the door, the id that was answered, and how often it was sent."""

    external_id: str
    path: str
    event: str
    tries: int


class Posters:
    """Threads that send events one by one while the server comes and goes."""

    def __init__(self, server: LiveServer, name: str, *, threads: int = 4) -> None:
        self._server = server
        self._name = name
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(threads)
        self._receipts: list[Receipt] = []
        self._threads = [self._pool.submit(self._work, n) for n in range(threads)]

    @property
    def accepted(self) -> int:
        return len(self._receipts)

    def finish(self) -> list[Receipt]:
        """Lets each thread get its last event accepted; all receipts."""
        self._stop.set()
        for thread in self._threads:
            thread.result(60)
        self._pool.shutdown()
        return list(self._receipts)

    def _work(self, thread: int) -> None:
        n = 0
        while not self._stop.is_set():
            n += 1
            self._receipts.append(self._send_until_accepted(f"{thread}-{n}", PATHS[n % 2]))

    def _send_until_accepted(self, external_id: str, path: str) -> Receipt:
        tries = 0

        def send() -> Receipt | None:
            nonlocal tries
            tries += 1
            try:
                answer = self._server.post(path, {"id": external_id, "name": self._name, "data": {}})
            except HTTPError as error:
                if error.code != 503:
                    raise
                return None
            except (URLError, HTTPException, OSError):
                return None
            [event] = answer["ids"]
            return Receipt(external_id, path, event, tries)

        return eventually(send, within_seconds=60)
