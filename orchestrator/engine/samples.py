"""What the processes of a run used, second by second: at most ``MOST`` points a run, each time halved when full."""

from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.sql import Id

MOST = 600


class Sampling:
    """Stores the samples of one execution. ``second`` counts from the run's beginning."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._every = 0  # seconds from one point to the next; not known yet

    def store(self, tx: Tx, second: int, cpu_percent: float, memory_bytes: int) -> None:
        if not self._every:
            self._every = self._stored_every(tx)
        if second % self._every:
            return
        tx.db.run(
            "INSERT INTO signalbox_sample (run, second, cpu_percent, memory_bytes) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (run, second) DO NOTHING",
            [Id(self._run), second, round(cpu_percent, 1), memory_bytes],
        )
        [(count,)] = tx.db.query("SELECT count(*) FROM signalbox_sample WHERE run = ?", [Id(self._run)])
        if count >= MOST:
            self._every *= 2
            rest = f"second - second / {self._every} * {self._every}"  # both databases divide whole numbers so
            tx.db.run(f"DELETE FROM signalbox_sample WHERE run = ? AND {rest} <> 0", [Id(self._run)])

    def _stored_every(self, tx: Tx) -> int:
        """The step of a former execution, which another process may have stored."""
        seconds = [n for (n,) in tx.db.query("SELECT second FROM signalbox_sample WHERE run = ?", [Id(self._run)])]
        every = 1
        while len(seconds) >= MOST // 2 and not any(second % (2 * every) for second in seconds):
            every *= 2
        return every
