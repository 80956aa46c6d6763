"""A small HTTP client that costs the machine little: every connection sends its request again when it is answered."""

import asyncio
from time import perf_counter
from urllib.parse import urlsplit

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


async def load(url: str, body: bytes, *, connections: int, requests: int) -> float:
    """Answered requests a second over keep-alive connections. Raises RuntimeError on an answer that is not 200."""
    address = urlsplit(url)
    assert address.hostname, url
    loop = asyncio.get_running_loop()
    share, rest = divmod(requests, connections)
    request = _request(address.netloc, address.path, body)
    opened = [
        await loop.create_connection(
            lambda n=n: _Connection(request, share + (n < rest)),  # type: ignore[misc]
            address.hostname,
            address.port,
        )
        for n in range(min(connections, requests))
    ]
    begin = perf_counter()
    for _, connection in opened:
        connection.send()
    try:
        await asyncio.gather(*(connection.done for _, connection in opened))
        return requests / (perf_counter() - begin)
    finally:
        for transport, _ in opened:
            transport.close()


def _request(host: str, path: str, body: bytes) -> bytes:
    lines = (f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + END_OF_HEAD + body


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, times: int) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request, self._left, self._got = request, times, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self) -> None:
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(END_OF_HEAD)
        if not end or len(body) < _length(head):
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            self._fail(RuntimeError(f"answered {self._got[:500]!r}"))
            return
        self._got = b""
        self._left -= 1
        if self._left:
            self.send()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or RuntimeError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(LENGTH)
    return int(rest.split(b"\r\n", 1)[0]) if found else 0
