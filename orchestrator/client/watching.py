"""Waiting for the end of a run: look after look, each held by the server for as long as it likes to."""

import math

from orchestrator.client.asking import Asking
from orchestrator.client.effects import Program, Request, segment
from orchestrator.client.errors import ClientError, Timeout
from orchestrator.client.values import Run
from orchestrator.core.ops import Status
from orchestrator.core.retry import Retries

LONG_POLL_SECONDS = 25.0  # under the server's limit and under what proxies let pass
UNHELD_PAUSE_SECONDS = 0.5  # between looks at a server that answers at once though the run goes on
GRACE_SECONDS = 1.0  # for an answer that comes just in time
# With a deadline, that one ends the tries and not their number.
PATIENT = Retries(1000, initial="200ms", max_interval="5s", jitter=0.5)


class Watch:
    """``left_seconds`` is without end when ``seconds`` is None."""

    def __init__(self, asking: Asking, run_id: str, seconds: float | None) -> None:
        self.asking = asking
        self.run_id = run_id
        self.seconds = seconds
        self.until = math.inf if seconds is None else asking.now() + seconds
        self.status: Status | None = None
        self.failures = 0
        self.was_held = False

    @property
    def left_seconds(self) -> float:
        return max(0.0, self.until - self.asking.now())

    def look(self) -> Program[Run]:
        """The run as it is when it ends, or when the server lets go of the request."""
        asked, left = self.asking.now(), self.left_seconds
        request = run_request(self.run_id, min(LONG_POLL_SECONDS, left))
        run = yield from self.asking.once(request, Run, at_most_seconds=left + GRACE_SECONDS)
        self.failures, self.status = 0, run.status
        self.was_held = self.asking.now() - asked >= request.wait_seconds / 2
        return run

    def delay_seconds(self, failure: ClientError) -> float | None:
        """The pause after a look that failed; None to give up."""
        self.failures += 1
        policy = self.asking.retries if self.seconds is None else PATIENT
        return self.asking.delay_seconds(policy, self.failures, failure)

    def pause_seconds(self) -> float:
        """The pause after a look that saw no end: none if the server held the request."""
        return 0.0 if self.was_held else min(UNHELD_PAUSE_SECONDS, self.left_seconds)

    def timeout(self) -> Timeout:
        return Timeout(self.run_id, self.seconds or 0.0, self.status)


def run_request(run_id: str, wait_seconds: float = 0.0) -> Request:
    query = {"wait": f"{wait_seconds:.3f}"} if wait_seconds else {}
    return Request(method="GET", path=f"/runs/{segment(run_id)}", query=query, wait_seconds=wait_seconds)
