"""One execution of a function: which steps are settled, which are open, what the next one is called."""

import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrator.core.codec import Shape
from orchestrator.core.errors import InvalidInput, MisplacedCall, StepError
from orchestrator.core.ops import CallRequest, Memo, OpenStep, OpKind, Status
from orchestrator.core.retry import Retries
from orchestrator.sdk.asked import Asked
from orchestrator.sdk.branches import Branches
from orchestrator.sdk.frames import author_frame, is_authors_move, place
from orchestrator.sdk.order import StepOrder
from orchestrator.sdk.scope import CURRENT
from orchestrator.sdk.transport import WARNINGS, Blocked, Suspend, Transport

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
        inline: bool = False,
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
        self.rests = False  # a sync function was unwound
        self.forked = False  # it has branches: their steps come in any order
        self.asked = Asked()
        self._inline = inline  # sync bodies run on the loop, as the Harness has it
        self._branches: Branches | None = None
        self._seen: dict[str, int] = {}  # next number of each id
        self._said: dict[tuple[str, int], str] = {}  # printed lines that have no end yet
        self._used: set[str] = set()
        self._order = StepOrder()
        self._warned: set[tuple[str, str]] = set()
        known: list[Memo | OpenStep] = [*self.memos.values(), *self.open_steps.values()]
        self._next_ordinal = 1 + max((step.ordinal for step in known), default=0)
        self._lock = threading.Lock()

    @property
    def branches(self) -> Branches:
        """The tasks of an async function."""
        if self._branches is None:
            self._branches = Branches(self.transport.quiet)
        return self._branches

    @property
    def entered(self) -> int:
        """How many steps have begun."""
        return len(self._used)

    def warn(self, kind: str, message: str, *, step: str = "", attempt: int = 0) -> None:
        """Tells the author in the run's log: each kind once a step in one execution."""
        if (kind, step) not in self._warned:
            self._warned.add((kind, step))
            self.transport.log(step, attempt or self.request.attempt, "WARNING", WARNINGS, message)

    def warn_of_blocking(self, coroutine: Coroutine[Any, Any, Any], step: str, attempt: int, seconds: float) -> None:
        """That coroutine has not let go of the loop for so long."""
        if self._inline or self.dead:
            return
        if not is_authors_move(coroutine):
            step, attempt = "", 0  # the step's body runs in a thread by now: what came before it blocked
        frame = author_frame(coroutine)
        after = f" before {place(frame)}" if frame is not None else ""
        message = (
            f"code of this run blocked its process for {seconds:.2f} s{after}: all runs of the process stood still."
            " Make the step's body a plain def, which gets a thread of its own, or await asyncio.to_thread(...)"
        )
        self.warn("blocked", message, step=step, attempt=attempt)

    def left_out(self) -> list[str]:
        """Steps that a former execution has settled and this one, which completes, has never asked for."""
        left = [memo for key, memo in self.request.memos.items() if key not in self._used]
        if left and self._branches is not None and self._branches.left_behind():
            return []  # a race that others have won: its losers need not come so far again
        return [memo.key for memo in sorted(left, key=lambda memo: memo.ordinal)]

    def say(self, step: str, attempt: int, text: str) -> None:
        """Text that a run prints: whole lines become log lines, the rest waits for its end."""
        *lines, rest = (self._said.pop((step, attempt), "") + text).split("\n")
        if rest:
            self._said[step, attempt] = rest
        for line in lines:
            self.transport.log(step, attempt, "INFO", "print", line)

    def end_line(self, step: str, attempt: int) -> None:
        """The body is over: a line that has no end is one all the same."""
        if self._said and (step, attempt) in self._said:
            self.say(step, attempt, "\n")

    def body(self, ids: Sequence[str], function: Callable[..., Any]) -> Callable[..., Any]:
        """The step's body, or what a test puts in its place under one of the ids: a value, an error, or a function."""
        known = next((id for id in ids if id in self.stubs), None) if self.stubs else None
        if known is None:
            return function
        stub = self.stubs[known]
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
            if known is None:
                self._next_ordinal += 1
                return key, self._next_ordinal - 1
            before = None if self.forked else self._order.reach(key, known.ordinal)
        if before is not None:
            self._warn_of_order(key, before)
        return key, known.ordinal

    def _warn_of_order(self, key: str, before: str) -> None:
        message = (
            f"step {key!r} is reached after step {before!r} now, in a former execution it came before it. The way"
            " through a function may depend on its input and on what its steps answered only: put clocks, random"
            " numbers and reads of the world into steps"
        )
        self.warn("order", message, step=key)

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
        memo = self.memos.get(key)
        known = memo or self.open_steps.get(key)
        if known is not None and known.op is not op:
            raise Blocked(key, known.op, op)
        return memo

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
