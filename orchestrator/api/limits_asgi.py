"""Bodies over the limit end in front of Django, which would first copy them whole into a file."""

from collections.abc import Awaitable, Callable
from typing import Any

from orchestrator.api.failures import body_too_large
from orchestrator.api.ingest_http import announced_length
from orchestrator.api.problems import PROBLEM_JSON
from orchestrator.api.wire import dump
from orchestrator.conf import settings

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class TooLarge(Exception):
    """More came than the limit."""


class BodyLimitApp:
    """Answers 413 to bodies over ``MAX_BODY_BYTES``, whether their length was announced or not."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit_bytes = settings().max_body_bytes
        announced = next((value for name, value in scope["headers"] if name.lower() == b"content-length"), b"")
        if announced_length(announced.decode("latin-1")) > limit_bytes:
            await _refuse(send)
            return
        try:
            await self.app(scope, _limited(receive, limit_bytes), send)
        except TooLarge:  # raised while Django reads, which it does before it answers
            await _refuse(send)


def _limited(receive: Receive, limit_bytes: int) -> Receive:
    left_bytes = limit_bytes

    async def receive_limited() -> Message:
        nonlocal left_bytes
        message = await receive()
        left_bytes -= len(message.get("body", b""))
        if left_bytes < 0:
            raise TooLarge
        return message

    return receive_limited


async def _refuse(send: Send) -> None:
    body = dump(body_too_large(settings().max_body_bytes))
    headers = [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", str(len(body)).encode())]
    # What is left of the body is not read, so that the connection cannot be used again.
    await send({"type": "http.response.start", "status": 413, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
