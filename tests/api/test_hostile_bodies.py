"""Bodies of 100 MB: refused at the limit, whether their length was announced or not, and never kept."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from orchestrator.api.limits_asgi import BodyLimitApp
from orchestrator.conf import settings
from tests.live import LiveServer
from tests.workers.installation import Installation
from torture.servers import free_port

MB = 1_000_000
CHUNK = b" " * 65_536
PATHS = ["/api/v1/events", "/api/v1/functions/x/trigger", "/e/dev", "/runs", "/events/send", "/admin/login/"]


class Upload:
    """A request whose body never ends, and what was answered."""

    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        self.scope = {"type": "http", "method": "POST", "path": "/api/v1/events", "headers": list(headers)}
        self.taken_bytes = 0
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        self.taken_bytes += len(CHUNK)
        return {"type": "http.request", "body": CHUNK, "more_body": True}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def perform(self) -> Any:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            while (await receive())["more_body"]:
                pass

        asyncio.run(BodyLimitApp(application)(self.scope, self.receive, self.send))
        start, body = self.sent
        assert start["status"] == 413
        return orjson.loads(body["body"])


def test_an_announced_length_is_enough() -> None:
    upload = Upload((b"Content-Length", b"100000000"))
    assert upload.perform()["code"] == "too_large"
    assert upload.taken_bytes == 0


def test_without_one_it_is_read_up_to_the_limit() -> None:
    upload = Upload((b"transfer-encoding", b"chunked"))
    assert upload.perform()["code"] == "too_large"
    assert upload.taken_bytes <= settings().max_body_bytes + len(CHUNK)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("bodies") / "home", env={"DATABASE_URL": ""})
    yield server
    server.end()


def told(port: int, *parts: bytes) -> bytes:
    """What is answered to these bytes of a POST that never ends, until the connection is closed."""
    head = b"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in (head, *parts):
            connection.sendall(part)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer


@pytest.mark.parametrize("more", [b"", b"Expect: 100-continue\r\n"], ids=["", "with-expect"])
def test_an_announced_body_is_refused_at_its_headers(server: LiveServer, more: bytes) -> None:
    answer = told(server.port, more + b"Content-Length: 100000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in answer
    assert b"100 Continue" not in answer
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "too_large"


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_over_the_limit(server: LiveServer) -> None:
    chunks = settings().max_body_bytes // len(CHUNK) + 1
    answer = told(server.port, b"Transfer-Encoding: chunked\r\n\r\n", (b"10000\r\n" + CHUNK + b"\r\n") * chunks)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "too_large"


def test_daphne_by_itself_refuses_them_as_well(tmp_path: Path) -> None:
    installation, port = Installation(tmp_path, {"DATABASE_URL": ""}), free_port()
    try:
        installation.web(port)
        assert told(port, b"Content-Length: 100000000\r\n\r\n").startswith(b"HTTP/1.1 413 ")
    finally:
        installation.end()


def test_a_body_of_the_limit_is_taken(server: LiveServer) -> None:
    event = b'{"name": "nobody/listens"}'
    body = event + b" " * (settings().max_body_bytes - len(event))
    answer = httpx.post(server.url + "/api/v1/events", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {200, 201, 202}, answer.text


def written_bytes(pid: int) -> int:
    """What the process has written to files and connections so far."""
    counters = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(counters["wchar"])


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def stream(chunks: int) -> Iterator[bytes]:
    for _ in range(chunks):
        yield CHUNK


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize("path", PATHS)
def test_a_server_keeps_nothing_of_them(server: LiveServer, path: str, announced: bool) -> None:
    chunks = 100 * MB // len(CHUNK)
    headers = {"Content-Type": "application/json"}
    if announced:
        headers["Content-Length"] = str(chunks * len(CHUNK))
    memory, written = peak_bytes(server.pid), written_bytes(server.pid)
    answer = httpx.post(server.url + path, content=stream(chunks), headers=headers, timeout=30)
    assert answer.status_code == 413
    assert answer.json()["code"] in {"too_large", "invalid_event"}
    assert peak_bytes(server.pid) - memory < 30 * MB
    assert written_bytes(server.pid) - written < 10 * MB
    assert server.get("/healthz") == {"status": "ok"}
