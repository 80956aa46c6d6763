"""Both clients, asked the same way; a server that answers as it is told, and a clock that only pauses move."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from orchestrator.client import AsyncClient, Client, Retries
from orchestrator.client.asking import Asking
from orchestrator.client.effects import Pause, Program, Reply, Request, Unanswered
from orchestrator.client.programs import Programs

AT_ONCE = Retries(4, initial=0)
Answer = httpx.Response | Exception


@dataclass
class Faults:
    """Answers in turn, the last one for ever; keeps what was asked."""

    answers: list[Answer]
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def bodies(self) -> list[Any]:
        return [orjson.loads(request.content) for request in self.asked]


class BlockingFace:
    def call(self, method: str, *args: Any, faults: Faults, **options: Any) -> Any:
        with Client("http://signalbox.test", "sba_x", retries=AT_ONCE, transport=httpx.MockTransport(faults)) as client:
            return getattr(client, method)(*args, **options)


class AsyncFace:
    def call(self, method: str, *args: Any, faults: Faults, **options: Any) -> Any:
        async def main() -> Any:
            transport = httpx.MockTransport(faults)
            async with AsyncClient("http://signalbox.test", "sba_x", retries=AT_ONCE, transport=transport) as client:
                return await getattr(client, method)(*args, **options)

        return asyncio.run(main())


Face = BlockingFace | AsyncFace


def ok(value: object) -> httpx.Response:
    return httpx.Response(200, json=value)


def refused(status: int, code: str, detail: str = "because", **headers: str) -> httpx.Response:
    problem = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code}
    return httpx.Response(status, json=problem, headers=headers)


@dataclass
class World:
    """Performs a program by itself: requests are answered by ``answer``, pauses move the clock and nothing else."""

    answer: Callable[[Request], Reply | Unanswered]
    seconds: float = 1000.0
    effects: list[Request | Pause] = field(default_factory=list)
    keys: Iterable[str] = field(default_factory=lambda: iter(f"key-{n}" for n in range(100)))

    @property
    def programs(self) -> Programs:
        keys = iter(self.keys)
        return Programs(
            Asking(Retries(3, initial=1, jitter=0), 10, lambda: self.seconds, lambda: 0.5), lambda: next(keys)
        )

    @property
    def pauses(self) -> list[float]:
        return [effect.seconds for effect in self.effects if isinstance(effect, Pause)]

    @property
    def requests(self) -> list[Request]:
        return [effect for effect in self.effects if isinstance(effect, Request)]

    def perform(self, program: Program[Any]) -> Any:
        try:
            effect = next(program)
            while True:
                self.effects.append(effect)
                outcome = self._do(effect)
                effect = program.throw(outcome) if isinstance(outcome, Unanswered) else program.send(outcome)
        except StopIteration as end:
            return end.value

    def _do(self, effect: Request | Pause) -> Reply | Unanswered | None:
        if isinstance(effect, Request):
            return self.answer(effect)
        self.seconds += effect.seconds
        return None
