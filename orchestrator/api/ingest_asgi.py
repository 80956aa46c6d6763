"""The event endpoint as a plain ASGI application in front of Django's, which costs more than storing an event does."""

from collections.abc import Awaitable, Callable
from typing import Any

from orchestrator.api.ingest_http import SEED_HEADER, Answer, Delivery, announced_length, answer_delivery

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
PREFIX = "/e/"


class IngestApp:
    """Answers ``/e/<key>`` itself and leaves everything else to ``django_app``."""

    def __init__(self, django_app: AsgiApp) -> None:
        self.django_app = django_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _event_key(scope)
        if key is None:
            await self.django_app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        delivery = Delivery(
            method=scope["method"],
            key=key,
            read=_reader(receive),
            content_length=announced_length(_text(headers.get(b"content-length"))),
            seed=_text(headers.get(SEED_HEADER.encode())),
        )
        answer = await answer_delivery(delivery)
        if answer is not None:
            await _send(answer, send)


def _event_key(scope: Scope) -> str | None:
    if scope["type"] != "http":
        return None
    path: str = scope["path"].removeprefix(scope.get("root_path") or "")
    key = path.removeprefix(PREFIX)
    return key if key != path and key and "/" not in key else None


def _reader(receive: Receive) -> Callable[[int], Awaitable[bytes | None]]:
    async def read(most_bytes: int) -> bytes | None:
        parts, size, more = [], 0, True
        while more and size < most_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
        return b"".join(parts)[:most_bytes]

    return read


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
    if answer.body:  # an answer without content must not have a length
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("latin-1")
