"""Requests by hundreds at once, each on a connection of its own."""

import asyncio
import json
from time import perf_counter
from typing import Any

from tests.live import LiveServer

END_OF_HEAD = b"\r\n\r\n"


class Crowd:
    """``times`` are the seconds that each request of ``ask_meanwhile`` took."""

    def __init__(self, server: LiveServer) -> None:
        self._port = server.port
        self.times: list[float] = []

    async def get(self, path: str) -> Any:
        """The decoded answer. Raises AssertionError when it is not 200."""
        return await self._ask(f"GET {path}", b"")

    async def ask_meanwhile(self, times: int, sample: Any) -> list[Any]:
        """Lists runs and sends events as other clients do, one after the other; what ``sample`` said each time."""
        event = json.dumps({"name": "nobody/listens", "data": {}}).encode()
        samples = []
        for _ in range(times):
            for line, body in (("GET /api/v1/runs", b""), ("POST /e/dev", event)):
                begin = perf_counter()
                await self._ask(line, body)
                self.times.append(perf_counter() - begin)
            samples.append(sample())
        return samples

    async def _ask(self, line: str, body: bytes) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Content-Type: application/json" + END_OF_HEAD + body)
        answer = await reader.read()
        writer.close()
        head_line, _, rest = answer.partition(b"\r\n")
        assert head_line == b"HTTP/1.1 200 OK", answer[:500]
        return json.loads(rest.partition(END_OF_HEAD)[2])
