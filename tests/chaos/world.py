"""A server that is about to be killed, what its bodies witnessed, and what its database says of it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.chaos.ledger import Ledger
from tests.chaos.witness import Line, Witness
from tests.eventually import eventually
from tests.live import LiveServer

CHILDREN = {"carry"}  # functions that are only ever invoked


class World:
    def __init__(self, server: LiveServer, witness: Witness, ledger: Ledger) -> None:
        self.server = server
        self.witness = witness
        self.ledger = ledger
        self._written_before = 0

    def ask(self, *names: str, count: int, **data: Any) -> list[str]:
        """Sends ``count`` events of each name at once; the ids that were answered."""
        events = [{"name": name, "data": {"n": n, **data}} for n in range(count) for name in names]
        ids: list[str] = self.server.post("/e/dev", events)["ids"]
        return ids

    def kill_after(self, more: int) -> None:
        """kill -9 as soon as the bodies of this process have written that many lines."""
        self.witness.sees(self._written_before + more)
        self.server.kill()
        self._written_before = len(self.witness.lines())

    def drain_after(self, more: int) -> None:
        """The same by SIGTERM."""
        self.witness.sees(self._written_before + more)
        assert self.server.stop() == 0
        self._written_before = len(self.witness.lines())

    def all_complete(self, runs: int, *, within_seconds: float = 120) -> None:
        """Waits until that many runs stand and every one has completed."""
        wanted = Counter({"completed": runs})
        try:
            eventually(lambda: self.ledger.statuses() == wanted, within_seconds=within_seconds, every_seconds=0.05)
        except AssertionError:
            raise AssertionError(f"{self.ledger.statuses()}, wanted {wanted}\n{self.server.output()}") from None

    def assert_exact(self, accepted: Iterable[str], *, runs_per_event: int = 1) -> None:
        """Nothing lost, nothing doubled, nothing done again after it was settled, no gap in a history."""
        events = list(accepted)
        started = self.ledger.runs_of_events()
        assert {event: started.get(event) for event in events} == dict.fromkeys(events, runs_per_event)
        runs = self.ledger.runs()
        parents = Counter(run.parent for run in runs if run.function in CHILDREN)
        assert set(parents.values()) <= {1}, "a child was started twice"
        journal = self.ledger.journal()
        gaps = [run.id for run in runs if [seq for seq, _ in journal[run.id]] != list(range(1, run.seq + 1))]
        assert not gaps, f"histories with gaps: {gaps}"
        assert not [run.id for run in runs if run.owned], "ended and still held"
        assert self.ledger.count("signalbox_wait") == 0
        assert self.ledger.count("signalbox_attempt", "ended_at IS NULL") == 0
        self._assert_settled_once()

    def _assert_settled_once(self) -> None:
        attempts: dict[tuple[str, str], list[Any]] = {}
        for row in self.ledger.attempts():
            attempts.setdefault((row.run, row.key), []).append(row)
        lines = self.witness.steps()
        assert lines.keys() == attempts.keys(), "a step was settled without a body, or ran without being settled"
        for place, rows in attempts.items():
            *lost, settled = rows
            told = f"{place}: {rows} after {lines[place]}"
            assert settled.status == "completed", told
            assert {row.status for row in lost} <= {"lost"}, told
            self._assert_last_line_counts(lines[place], settled, told)

    def _assert_last_line_counts(self, lines: list[Line], settled: Any, told: str) -> None:
        """The body whose result stands is the last one that ran; each former one ended with its process."""
        assert (lines[-1].attempt, lines[-1].pid) == (settled.number, settled.pid), f"ran again: {told}"
        pids = [line.pid for line in lines]
        assert len(set(pids)) == len(pids), f"ran twice in one process: {told}"
