"""What is done to the processes: seeded, one after the other, each healed by itself a little later."""

import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from time import monotonic

from torture.driver import Driver
from torture.processes import Installation, Process
from torture.servers import PostgresCluster, RedisServer

FAILPOINTS = ("before_commit", "after_commit", "after_release")
STORM = 40  # events at once


@dataclass(frozen=True, slots=True)
class Targets:
    """What may be broken; ``cluster`` and ``redis`` only when they are our own."""

    installation: Installation
    driver: Driver
    cluster: PostgresCluster | None
    redis: RedisServer | None
    freeze_seconds: float
    outage_seconds: float


class Faults:
    """``done`` counts them by the names of docs/reliability.md. A fault at a time, for as long as ``run`` is told.

    ``only``: those whose names begin so. Raises ValueError when none of them is possible.
    """

    def __init__(self, targets: Targets, seed: int, pauses: tuple[float, float], only: tuple[str, ...] = ()) -> None:
        self.targets = targets
        self._dice = random.Random(f"faults {seed}")
        self._pauses = pauses
        self._pause = Event()
        self.done: Counter[str] = Counter()
        self.died_by_themselves: Counter[str] = Counter()
        kinds: list[tuple[str, int, Callable[[], None], bool]] = [
            ("F1 worker killed", 4, self._kill_worker, True),
            ("F2 killed at a commit", 2, self._kill_at_commit, True),
            ("F3 answer of a commit lost", 2, self._cut_at_commit, bool(targets.installation.schedulers)),
            ("F4 worker frozen", 1, self._freeze, True),
            ("F5 web killed in a storm", 2, self._kill_web, True),
            ("F6 database restarted", 3, self._restart_database, targets.cluster is not None),
            ("F7 database away", 1, self._database_away, targets.cluster is not None and targets.outage_seconds > 0),
            ("F8 broker flushed", 2, self._flush, targets.redis is not None),
            ("F8 broker stopped", 1, self._stop_broker, targets.redis is not None),
            ("F10 messages doubled", 1, self._double, targets.redis is not None),
            ("F18 scheduler killed", 1, self._kill_scheduler, bool(targets.installation.schedulers)),
            ("F20 rolling restart", 2, self._roll, True),
        ]
        wanted = tuple(f"{name} " for name in only) or ("",)
        self._kinds = {
            name: (weight, do) for name, weight, do, possible in kinds if possible and name.startswith(wanted)
        }
        if not self._kinds:
            raise ValueError(f"none of the faults {', '.join(only)} is possible here: see docs/reliability.md")

    def run(self, seconds: float) -> None:
        """Returns with every process and server started again."""
        end = monotonic() + seconds
        order = self._order()
        while monotonic() < end:
            self._rest(min(self._dice.uniform(*self._pauses), max(0.0, end - monotonic())))
            if monotonic() >= end:
                break
            name = order.pop() if order else self._draw()
            self._kinds[name][1]()
            self.done[name] += 1
        self.revive()

    def revive(self) -> None:
        """Starts what is dead."""
        self.died_by_themselves.update(self.targets.installation.start_what_is_dead())

    def _order(self) -> list[str]:
        """Each kind once, so that a short run misses few."""
        names = list(self._kinds)
        self._dice.shuffle(names)
        return names

    def _draw(self) -> str:
        weights = [weight for weight, _ in self._kinds.values()]
        return self._dice.choices(list(self._kinds), weights)[0]

    def _rest(self, seconds: float) -> None:
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            self._pause.wait(min(left, 0.5))
            self.revive()

    def _worker(self) -> Process:
        return self._dice.choice(self.targets.installation.workers)

    def _again(self, process: Process, **env: str) -> None:
        """Down for a moment."""
        self._pause.wait(self._dice.uniform(0, 2))
        process.start(**env)

    def _kill_worker(self) -> None:
        process = self._worker()
        process.kill()
        self._again(process)

    def _kill_at_commit(self) -> None:
        process = self._worker()
        process.kill()
        point, number = self._dice.choice(FAILPOINTS), self._dice.randint(3, 60)
        self._again(process, SIGNALBOX_FAILPOINTS=f"{point}=kill@{number}")

    def _cut_at_commit(self) -> None:
        """Commits are done or not, and their process does not know; again and again until it is restarted."""
        process = self._worker()
        process.kill()
        points = ",".join(f"{point}=cut/{self._dice.randint(20, 100)}" for point in FAILPOINTS)
        self._again(process, SIGNALBOX_FAILPOINTS=points)

    def _freeze(self) -> None:
        process = self._worker()
        process.signal(signal.SIGSTOP)
        self._pause.wait(self.targets.freeze_seconds)
        process.signal(signal.SIGCONT)

    def _kill_web(self) -> None:
        self.targets.driver.storm(STORM)
        self._pause.wait(self._dice.uniform(0.05, 0.5))
        process = self.targets.installation.web
        process.kill()
        self._again(process)

    def _restart_database(self) -> None:
        cluster = self.targets.cluster
        assert cluster
        if self._dice.random() < 0.5:
            cluster.crash()
        else:
            cluster.stop()
        cluster.start()

    def _database_away(self) -> None:
        cluster = self.targets.cluster
        assert cluster
        cluster.crash()
        self._rest(self.targets.outage_seconds)
        cluster.start()

    def _flush(self) -> None:
        assert self.targets.redis
        self.targets.redis.say("FLUSHALL")

    def _stop_broker(self) -> None:
        redis = self.targets.redis
        assert redis
        redis.stop()
        self._rest(self._dice.uniform(1, 8))
        redis.start()

    def _double(self) -> None:
        """What lies in the queue is there twice, again and again for a second; some of it is taken away."""
        redis = self.targets.redis
        assert redis
        for _ in range(50):
            redis.say("COPY default torture-copy REPLACE")
            redis.say("LMOVE torture-copy default LEFT RIGHT")
            if self._dice.random() < 0.2:
                redis.say("LPOP default")
            self._pause.wait(0.02)

    def _kill_scheduler(self) -> None:
        process = self._dice.choice(self.targets.installation.schedulers)
        process.kill()
        self._again(process)

    def _roll(self) -> None:
        """SIGTERM to each process, one after the other, and each is started again."""
        for process in self.targets.installation.processes.values():
            process.drain()
            process.start()
