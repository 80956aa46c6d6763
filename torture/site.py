"""What a client does that must not lose anything: asks until it is answered, with the same key each time."""

import json
import threading
from collections import Counter
from http.client import HTTPException
from threading import Event
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

PAUSE_SECONDS = 0.1
TIMEOUT_SECONDS = 15.0
TEMPORARY = {502, 503, 504}


class GivenUp(RuntimeError):
    """The site did not answer before the end."""


class Site:
    """``answers`` counts what came back: status codes, and "unanswered"."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._closed = Event()
        self._lock = threading.Lock()
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []

    def close(self) -> None:
        """Whoever still asks gives up."""
        self._closed.set()

    def ask(self, path: str, body: object) -> Any:
        """The answer to a POST that is repeated until there is one; None for 409. Raises GivenUp."""
        while not self._closed.is_set():
            answered, answer = self._try(path, body)
            if answered:
                return answer
            self._closed.wait(PAUSE_SECONDS)
        raise GivenUp(path)

    def _try(self, path: str, body: object) -> tuple[bool, Any]:
        headers = {"Content-Type": "application/json"}
        try:
            with urlopen(
                Request(self._url + path, json.dumps(body).encode(), headers), timeout=TIMEOUT_SECONDS
            ) as response:
                answer = json.load(response)
            self._count("2xx")
        except HTTPError as error:
            return self._refused(path, error)
        except (URLError, HTTPException, OSError, ValueError):
            self._count("unanswered")
            return False, None
        return True, answer

    def _refused(self, path: str, error: HTTPError) -> tuple[bool, None]:
        self._count(str(error.code))
        if error.code in TEMPORARY:
            return False, None
        if error.code != 409:
            self.wrong.append(f"POST {path} was answered with {error.code}: {error.read()[:300]!r}")
        return error.code == 409, None

    def _count(self, answer: str) -> None:
        with self._lock:
            self.answers[answer] += 1


def answers(url: str) -> bool:
    """Whether the site says that it is well."""
    try:
        with urlopen(f"{url}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, HTTPException, OSError):
        return False
