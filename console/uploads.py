"""Bodies over the limit are refused while they come: daphne asks the application when it has the whole of one."""

from typing import Any

from daphne.http_protocol import WebRequest
from twisted.internet import reactor
from twisted.web import http

from orchestrator.api.failures import body_too_large
from orchestrator.api.problems import PROBLEM_JSON
from orchestrator.api.wire import dump
from orchestrator.conf import settings

LINGER_SECONDS = 2.0  # for the client to read the answer: what it still sends meanwhile is dropped
HEAD = (
    "HTTP/1.1 413 Content Too Large\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
    "Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n"
)


class BoundedWebRequest(WebRequest):
    """Answers 413 at the headers that announce too much, or at the first byte too many, and closes the connection.

    Over HTTP/2, which daphne speaks with a package more, the application answers when all has come.
    """

    refused = False
    limit_bytes = taken_bytes = 0

    def gotLength(self, length: int | None) -> None:  # noqa: N802, Twisted's name; None for a body in chunks
        self.limit_bytes = settings().max_body_bytes
        if length is not None and length > self.limit_bytes and self._may_refuse():
            self._refuse()
        super().gotLength(0 if self.refused else length)  # a large one would get a file

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self.taken_bytes += len(data)
        if self.taken_bytes > self.limit_bytes and self._may_refuse():
            self._refuse()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        if self.refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def _may_refuse(self) -> bool:
        return not self.refused and isinstance(self.channel, http.HTTPChannel)

    def _refuse(self) -> None:
        self.refused = True
        self.requestHeaders.removeHeader(b"expect")  # else Twisted would ask for the body
        body = dump(body_too_large(self.limit_bytes))
        transport: Any = self.channel.transport
        transport.write(HEAD.format(kind=PROBLEM_JSON, length=len(body)).encode() + body)
        # Closed at once, with bytes that nobody has read, the system would take the answer back. TLS cannot half close.
        getattr(transport, "loseWriteConnection", transport.loseConnection)()
        reactor.callLater(LINGER_SECONDS, transport.abortConnection)  # type: ignore[attr-defined]
