"""The world outside: starts programs, sends signals and events, cancels and replays, while everything breaks."""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

from torture.database import Database
from torture.programs import GO, NEVER, ORDER, PARCEL, End, Kind, Program, order_name
from torture.site import GivenUp, Site

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.3
THREADS = 8
WAITS = (
    "SELECT w.run, w.key, w.kind, w.name, r.root FROM signalbox_wait w JOIN signalbox_run r ON r.id = w.run"
    f" WHERE w.kind IN ('signal', 'event') AND (w.name LIKE '{GO}/%' OR w.name LIKE '{ORDER}/%' OR w.name = '{NEVER}')"
)
COMPLETED = "SELECT id FROM signalbox_run WHERE status = 'completed' AND replay_of IS NULL AND parent IS NULL"


@dataclass(slots=True)
class Acknowledged:
    """What was answered with 2xx, to be found again: runs by program, forks by program, events by their own id."""

    runs: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    forks: dict[str, str] = field(default_factory=dict)
    parcels: dict[str, str] = field(default_factory=dict)
    signals: set[tuple[str, str]] = field(default_factory=set)


class Driver:
    """Everything is sent from threads of its own; nobody waits for the database or the site to come back."""

    def __init__(self, site: Site, database: Database, programs: Sequence[Program], seed: int) -> None:
        self._site = site
        self._database = database
        self.programs = programs
        self._dice = random.Random(f"driver {seed}")
        self._pool = ThreadPoolExecutor(THREADS, "torture-driver")
        self._closed = threading.Event()
        self._busy: set[object] = set()
        self._parcels = 0
        self.done = Acknowledged()
        self.failures: list[str] = []
        self.started = threading.Event()  # all programs have been acknowledged
        self._watcher = threading.Thread(target=self._watch, name="torture-waits", daemon=True)

    def start(self, seconds: float) -> None:
        """Spreads the starts over that time, in bursts."""
        self._watcher.start()
        threading.Thread(target=self._start_all, args=(seconds,), name="torture-starts", daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._site.close()
        self._watcher.join(30)
        self._pool.shutdown()

    @property
    def idle(self) -> bool:
        return self.started.is_set() and not self._busy and not self._to_fork()

    def storm(self, parcels: int) -> None:
        """That many events at once, each with an id of its own."""
        for _ in range(parcels):
            self._parcels += 1
            self._later(("parcel", self._parcels), self._send_parcel, f"parcel-{self._parcels}")

    def _start_all(self, seconds: float) -> None:
        begin = monotonic()
        for n, program in enumerate(self.programs):
            wait = begin + seconds * (n // 10 * 10) / max(1, len(self.programs)) - monotonic()
            if self._closed.wait(max(0.0, wait)):
                return
            self._later(("start", program.label), self._start, program)
        while self._busy and not self._closed.wait(LOOK_SECONDS):
            if len(self.done.runs) + len(self.done.events) == len(self.programs):
                break
        self.started.set()

    def _later(self, what: object, do: Callable[..., None], *args: Any) -> None:
        if what in self._busy:
            return
        self._busy.add(what)

        def work() -> None:
            try:
                do(*args)
            except GivenUp as error:
                self.failures.append(f"{what}: not answered before the end: {error}")
            except Exception:  # whatever fails here is a finding of its own
                logger.exception("torture.driver_failed")
                self.failures.append(f"{what}: the driver failed, see the log")
            finally:
                self._busy.discard(what)

        self._pool.submit(work)

    def _start(self, program: Program) -> None:
        suffix = "-in-threads" if program.threads else ""
        if program.by_event:
            event = {"id": program.label, "name": f"torture/asked{suffix}", "data": asdict(program)}
            [id_] = self._site.ask("/e/dev", event)["ids"]
            self.done.events[program.label] = id_
            return
        body = {"data": asdict(program), "idempotency_key": program.label}
        run = self._site.ask(f"/api/v1/functions/torture-program{suffix}/trigger", body)["run_id"]
        self.done.runs[program.label] = run
        if program.signals_early:
            self._signal_early(program, run)

    def _signal_early(self, program: Program, run: str) -> None:
        """Before the run waits, and not in the order in which it will."""
        ops = [op for op in program.ops if op.kind in {Kind.SIGNAL, Kind.ORDER}]
        self._dice.shuffle(ops)
        for op in ops:
            if op.kind is Kind.SIGNAL:
                self._signal(run, op.id, f"{GO}/{op.id}/{op.value}", op.value)
            else:
                self._signal_in_order(run, order_name(op))

    def _signal_in_order(self, run: str, name: str) -> None:
        _, step, *values = name.split("/")
        for n, value in enumerate(values):
            self._signal(run, f"{step}:{n}", name, int(value))

    def _signal(self, run: str, step: str, name: str, value: int) -> None:
        for _ in range(self._dice.choice([1, 1, 2, 3])):
            body = {"name": name, "data": value, "key": f"{run}/{step}"}
            if self._site.ask(f"/api/v1/runs/{run}/signal", body) is not None:
                self.done.signals.add((run, step))

    def _send_parcel(self, own_id: str) -> None:
        body = {"id": own_id, "name": PARCEL, "data": {"value": 1}}
        path = "/e/dev" if len(own_id) % 2 else "/api/v1/events"
        [self.done.parcels[own_id]] = self._site.ask(path, body)["ids"]

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            for run, key, kind, name, root in self._database.rows_if_there(WAITS):
                if name == NEVER:
                    self._later(
                        ("cancel", root), self._site.ask, f"/api/v1/runs/{root}/cancel", {"reason": "as planned"}
                    )
                elif kind == "event":
                    self._later(("event", run, key), self._send_event, run, key, name)
                elif name.startswith(f"{ORDER}/"):
                    self._later(("order", run, name), self._signal_in_order, run, name)
                else:
                    self._later(("signal", run, key), self._signal, run, key, name, int(name.rpartition("/")[2]))
            self._fork_what_completed()

    def _send_event(self, run: str, key: str, name: str) -> None:
        _, label, _, value = name.split("/")
        body = {"id": f"{run}/{key}", "name": name, "data": {"label": label, "value": int(value)}}
        self._site.ask("/api/v1/events", body)

    def _to_fork(self) -> list[tuple[Program, str]]:
        """Programs that are to be replayed once they have completed, with their runs."""
        return [
            (program, run)
            for program in self.programs
            if program.fork_from and program.end is End.COMPLETED and program.label not in self.done.forks
            if (run := self.done.runs.get(program.label))
        ]

    def _fork_what_completed(self) -> None:
        if wanted := self._to_fork():
            completed = {id_ for (id_,) in self._database.rows_if_there(COMPLETED)}
            for program, run in wanted:
                if run in completed:
                    self._later(("fork", run), self._fork, program, run)

    def _fork(self, program: Program, run: str) -> None:
        body = {"from_step": program.fork_from, "key": f"fork-{program.label}"}
        answer = self._site.ask(f"/api/v1/runs/{run}/replay", body)
        if answer is not None:
            self.done.forks[program.label] = answer["run_id"]
