"""The two faces of the event endpoint, asked the same way: the plain ASGI route and the Django view."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.test import Client

from orchestrator.api.ingest_asgi import IngestApp

CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class AsgiFace:
    """Speaks ASGI to IngestApp; the body comes in chunks."""

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        self.taken_bytes = 0
        sent: list[dict[str, Any]] = []
        chunks = self._chunks(body)
        raw = {"host": "testserver", "content-type": "application/json", "content-length": str(len(body))}
        raw |= {name.lower(): value for name, value in (headers or {}).items()}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in raw.items() if value],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }

        async def receive() -> dict[str, Any]:
            if (message := next(chunks, None)) is None:
                await asyncio.Event().wait()  # a client that stays silent until it is answered
            assert message is not None
            return message

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async_to_sync(IngestApp(ASGIHandler()))(scope, receive, send)
        if not sent:
            return Reply(0, {}, b"")
        start, *parts = sent
        received = {name.decode().title(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], received, b"".join(part.get("body", b"") for part in parts))

    def _chunks(self, body: bytes) -> Iterator[dict[str, Any]]:
        for start in range(0, max(1, len(body)), CHUNK_BYTES):
            chunk = body[start : start + CHUNK_BYTES]
            self.taken_bytes += len(chunk)
            yield {"type": "http.request", "body": chunk, "more_body": start + CHUNK_BYTES < len(body)}


class DjangoFace:
    """Django's test client on the mounted urls."""

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        client = Client(raise_request_exception=False, enforce_csrf_checks=True)
        answer = client.generic(method, path, body, content_type="application/json", headers=headers)
        return Reply(answer.status_code, {name.title(): value for name, value in answer.items()}, answer.content)


Face = AsgiFace | DjangoFace
