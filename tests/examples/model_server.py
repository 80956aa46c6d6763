"""A language model on this machine that speaks both APIs, and can be told what to answer next."""

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """``body`` as JSON, or as text where it is text. ``broken``: no answer; ``late``: none before the server ends."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] | None = None
    broken: bool = False
    late: bool = False


@dataclass(frozen=True)
class Asked:
    """What a client sent."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class ModelServer(ThreadingHTTPServer):
    """Answers "A summary by <model>." in the form of the API that was asked, after all ``coming`` answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.ending = threading.Event()
        self.coming: deque[Answer] = deque()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.ending.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.server.asked.append(asked)
        answer = self.server.coming.popleft() if self.server.coming else Answer(body=usual(asked))
        if answer.late:
            self.server.ending.wait()
        if answer.late or answer.broken:
            return
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(text.encode())), **(answer.headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing: the test looks at ``asked``."""


def usual(asked: Asked) -> Any:
    """The success of either API, with the fields that its documentation shows."""
    text = f"A summary by {asked.body['model']}."
    if asked.path == "/v1/messages":
        return {
            "id": "msg_01", "type": "message", "role": "assistant", "model": asked.body["model"],
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }  # fmt: skip
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked.body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }  # fmt: skip
