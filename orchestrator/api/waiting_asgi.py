"""``GET /api/v1/runs/{id}?wait=SECONDS`` in front of Django: the request rests here until the run has ended.

Behind this stands a chain that keeps a thread for every request; here a waiting one is a future.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from django.db import InterfaceError, OperationalError

from orchestrator.api.crowd_asgi import CrowdApp
from orchestrator.api.ends import Ends, ends
from orchestrator.api.requests import MAX_WAIT_SECONDS
from orchestrator.conf import settings
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.engine.keys import afind_key
from orchestrator.models import Key

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
RUN = re.compile(r"/api/v1/runs/([0-9A-Za-z]{26})")
ANSWERED_AT_ONCE = 4


class WaitingApp:
    """Passes every request on to ``django_app``, those that wait for the end of a run when there is one to show."""

    def __init__(self, django_app: AsgiApp, ends: Ends = ends) -> None:
        self.django_app = django_app
        # A thousand whose wait is over at the same moment do not keep other requests, and events, from theirs.
        self.answering = CrowdApp(django_app, ANSWERED_AT_ONCE)
        self.ends = ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        env = await _env(scope) if asked else None
        if asked is None or env is None:  # the API says what is wrong
            await self.django_app(scope, receive, send)
            return
        first = await receive()
        following = asyncio.ensure_future(receive())  # for a request without a body: that the client left
        resting = asyncio.ensure_future(self.ends.wait(env, *asked))
        try:
            await asyncio.wait({following, resting}, return_when=asyncio.FIRST_COMPLETED)
            if following.done() and following.result()["type"] == "http.disconnect":
                return
            await self.answering(scope, _replayed(first, following, receive), send)
        finally:
            resting.cancel()
            following.cancel()


def _replayed(first: Message, following: Awaitable[Message], receive: Receive) -> Receive:
    taken: list[Awaitable[Message]] = [following]
    begun = False

    async def replay() -> Message:
        nonlocal begun
        if not begun:
            begun = True
            return first
        return await (taken.pop() if taken else receive())

    return replay


def _asked(scope: Scope) -> tuple[str, float] | None:
    """The run and for how many seconds; None for every other request, and for one that will be refused."""
    if scope["type"] != "http" or scope["method"] != "GET" or b"wait=" not in scope["query_string"]:
        return None
    found = RUN.fullmatch(scope["path"].removeprefix(scope.get("root_path") or ""))
    try:
        seconds = float(parse_qs(scope["query_string"].decode("ascii"))["wait"][-1])
        return (parse_id(found[1]), seconds) if found and 0 < seconds <= MAX_WAIT_SECONDS else None
    except (ValueError, KeyError, InvalidId):
        return None


async def _env(scope: Scope) -> int | None:
    header = next((value for name, value in scope["headers"] if name.lower() == b"authorization"), b"")
    scheme, _, token = header.decode("latin-1").partition(" ")
    try:
        known = await afind_key(token.strip(), Key.Kind.API) if scheme.lower() == "bearer" else None
    except (OperationalError, InterfaceError):  # to be said by the API as well
        return None
    if known is not None:
        return known.env
    return 1 if settings().open_access else None
