"""One execution of a function: which steps are settled, which are open, what the next one is called."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.codec import Shape
from orchestrator.core.errors import InvalidInput, MisplacedCall, StepError
from orchestrator.core.ops import CallRequest, Memo, OpenStep, OpKind, Status
from orchestrator.core.retry import Retries
from orchestrator.sdk.branches import Branches
from orchestrator.sdk.scope import CURRENT
from orchestrator.sdk.transport import Blocked, Suspend, Transport

MAX_STEP_ID = 200  # characters


class Invocation:
    """The memory of one execution. Shared by the branches of a run, in whatever thread they are."""

    def __init__(
        self,
        request: CallRequest,
        transport: Transport,
        retries: Retries,
        *,
        is_async: bool = False,
        stubs: Mapping[str, Any] | None = None,
    ) -> None:
        self.request = request
        self.transport = transport
        self.retries = retries
        self.now: Callable[[], datetime] = transport.now
        self.memos: dict[str, Memo] = dict(request.memos)
        self.open_steps: dict[str, OpenStep] = dict(request.open_steps)
        self.is_async = is_async
        self.stubs = stubs or {}  # what the Harness puts in place of step bodies, by step id
        self.dead = False  # nothing that is said from now on counts
        self.rests = False  # a sync function reached a wait
        self._branches: Branches | None = None
        self._seen: dict[str, int] = {}  # next number of each id
        self._said: dict[tuple[str, int], str] = {}  # printed lines that have no end yet
        self._used: set[str] = set()
        known: list[Memo | OpenStep] = [*self.memos.values(), *self.open_steps.values()]
        self._next_ordinal = 1 + max((step.ordinal for step in known), default=0)
        self._lock = threading.Lock()

    @property
    def branches(self) -> Branches:
        """The tasks of an async function."""
        if self._branches is None:
            self._branches = Branches(self.transport.quiet)
        return self._branches

    def say(self, step: str, attempt: int, text: str) -> None:
        """Text that a run prints: whole lines become log lines, the rest waits for its end."""
        *lines, rest = (self._said.pop((step, attempt), "") + text).split("\n")
        if rest:
            self._said[step, attempt] = rest
        for line in lines:
            self.transport.log(step, attempt, "INFO", "print", line)

    def end_line(self, step: str, attempt: int) -> None:
        """The body is over: a line that has no end is one all the same."""
        if (step, attempt) in self._said:
            self.say(step, attempt, "\n")

    def body(self, step_id: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The step's body, or what a test puts in its place: a value, an error, or a function."""
        if step_id not in self.stubs:
            return function
        stub = self.stubs[step_id]
        if callable(stub) and not isinstance(stub, type):
            return stub  # type: ignore[no-any-return]

        def answer(*_: Any, **__: Any) -> Any:
            if isinstance(stub, BaseException):
                raise stub
            return stub

        answer.is_stub = True  # type: ignore[attr-defined]
        return answer

    def enter(self, step_id: str) -> tuple[str, int]:
        """Key and ordinal of the step that begins. Raises Suspend when this execution is over already."""
        if self.dead:
            raise Suspend
        scope = CURRENT.get()
        if scope is not None and scope.step:
            raise MisplacedCall(f"step {step_id!r} was called inside step {scope.step!r}: call steps from the function")
        if not isinstance(step_id, str) or not step_id or len(step_id) > MAX_STEP_ID:
            raise InvalidInput(f"a step's id is a text of 1 to {MAX_STEP_ID} characters, not {step_id!r}")
        with self._lock:
            key = self._free_key(step_id)
            known = self.memos.get(key) or self.open_steps.get(key)
            if known is not None:
                return key, known.ordinal
            self._next_ordinal += 1
            return key, self._next_ordinal - 1

    def _free_key(self, step_id: str) -> str:
        """The id, with a number when it was used before: also one that looks like another's repeat."""
        repeat = self._seen.get(step_id, 0)
        key = f"{step_id}:{repeat}" if repeat else step_id
        while key in self._used:
            repeat += 1
            key = f"{step_id}:{repeat}"
        self._seen[step_id] = repeat + 1
        self._used.add(key)
        return key

    def recall(self, key: str, op: OpKind) -> Memo | None:
        """The settled step of that key. Raises Blocked when another operation was recorded under it."""
        known = self.memos.get(key) or self.open_steps.get(key)
        if known is not None and known.op is not op:
            raise Blocked(key, known.op, op)
        return self.memos.get(key)

    def settle(self, key: str, memo: Memo | None) -> None:
        """A wait is over: with a memo the step is settled, without one its next attempt is due."""
        opened = self.open_steps.pop(key, None)
        if memo is not None:
            self.memos[key] = memo
        elif opened is not None:
            self.open_steps[key] = OpenStep(key, opened.op, opened.ordinal, opened.attempt, lost=opened.lost)

    def outcome(self, memo: Memo, shape: Shape) -> Any:
        """What the step gave, as its author sees it. Raises StepError for a failed one."""
        if memo.status is Status.FAILED:
            error = memo.error
            name, message = (error.type, error.message) if error else ("Error", "failed")
            raise StepError(f"step {memo.key!r} failed: {name}: {message}", step=memo.key, name=name)
        return shape.load(memo.output)
