"""A page's websocket by hand, so that it can be left unread, which no client library allows."""

import json
import os
import socket
import struct
from types import TracebackType
from typing import Any, Self

from console.live.consumers import PROTOCOL

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FINAL, MASKED = 0x80, 0x80
SHORT_MOST, TWO_BYTES, EIGHT_BYTES = 125, 126, 127
# So that the systems of both sides keep little for a client that does not read.
SMALL_BUFFER_BYTES, SMALL_SEGMENT_BYTES = 4_096, 536
PATIENCE_SECONDS = 30


class PageSocket:
    """Reads only when it is told to. ``read_bytes`` counts what it has read."""

    def __init__(self, port: int) -> None:
        self.read_bytes = 0
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL_SEGMENT_BYTES)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._socket.connect(("127.0.0.1", port))
        lines = [
            "GET /ws/console/ HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Origin: http://127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {PROTOCOL}",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._take(1)
        assert b" 101 " in head, head
        assert self.read()["t"] == "hello"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def send(self, frame: dict[str, Any]) -> None:
        """Raises OSError when the server has ended the connection."""
        self._write(TEXT, json.dumps(frame).encode())

    def read(self) -> dict[str, Any]:
        """The next frame; pings are answered on the way."""
        while True:
            opcode, length = self._take(2)
            if length == TWO_BYTES:
                (length,) = struct.unpack("!H", self._take(2))
            elif length == EIGHT_BYTES:
                (length,) = struct.unpack("!Q", self._take(8))
            payload = self._take(length)
            if opcode == FINAL | PING:
                self._write(PONG, payload)
            else:
                assert opcode == FINAL | TEXT, (opcode, payload)
                frame: dict[str, Any] = json.loads(payload)
                return frame

    def _write(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
        size = bytes([MASKED | len(payload)])
        if len(payload) > SHORT_MOST:
            size = bytes([MASKED | TWO_BYTES]) + struct.pack("!H", len(payload))
        self._socket.sendall(bytes([FINAL | opcode]) + size + mask + masked)

    def _take(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(size - len(parts))
            if not part:
                raise ConnectionError("the server has closed the connection")
            parts += part
        self.read_bytes += size
        return bytes(parts)
