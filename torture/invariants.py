"""What has to hold in the database when all runs have ended, whatever the programs were."""

from torture.database import Database

FINAL = "('completed', 'failed', 'cancelled', 'timed_out', 'expired', 'skipped')"
# Each statement answers what is wrong.
INVARIANTS = {
    "a run that has not ended": f"SELECT id, function, status, seq FROM signalbox_run WHERE status NOT IN {FINAL}",
    "an owner of a run that has ended": "SELECT id, owner FROM signalbox_run"
    f" WHERE owner IS NOT NULL AND status IN {FINAL}",
    "a wait of a run that has ended": "SELECT w.run, w.key, w.kind FROM signalbox_wait w"
    f" JOIN signalbox_run r ON r.id = w.run WHERE r.status IN {FINAL}",
    "an open attempt of a run that has ended": "SELECT a.run, a.key, a.number, a.status FROM signalbox_attempt a"
    f" JOIN signalbox_run r ON r.id = a.run WHERE r.status IN {FINAL}"
    " AND (a.ended_at IS NULL OR a.status IN ('running', 'sleeping', 'waiting'))",
    "a message for a run that has ended": "SELECT i.run, i.kind, i.dedup FROM signalbox_inbox i"
    f" JOIN signalbox_run r ON r.id = i.run WHERE r.status IN {FINAL}",
    "a child that outlived its parent": "SELECT c.id, p.id FROM signalbox_run c JOIN signalbox_run p ON p.id = c.parent"
    f" WHERE p.status IN {FINAL} AND c.status NOT IN {FINAL}",
    "a gap in a history": "SELECT r.id, r.seq, count(j.seq), max(j.seq) FROM signalbox_run r"
    " LEFT JOIN signalbox_journal j ON j.run = r.id GROUP BY r.id, r.seq"
    " HAVING count(j.seq) <> r.seq OR coalesce(max(j.seq), 0) <> r.seq",
    "an attempt number that is missing": "SELECT run, key, count(*), max(number) FROM signalbox_attempt"
    " WHERE op IN ('run', 'transaction') GROUP BY run, key HAVING count(*) <> max(number)",
    "a step that was settled twice": "SELECT run, key, count(*) FROM signalbox_attempt WHERE status = 'completed'"
    " GROUP BY run, key HAVING count(*) > 1",
    "two endings in one history": "SELECT run, count(*) FROM signalbox_journal"
    " WHERE kind IN ('run.completed', 'run.failed', 'run.cancelled') GROUP BY run HAVING count(*) <> 1",
    "a child of a step that has two": "SELECT parent, parent_key, count(*) FROM signalbox_run WHERE parent IS NOT NULL"
    " GROUP BY parent, parent_key HAVING count(*) > 1",
    "an event that was not routed": "SELECT id, name FROM signalbox_event WHERE routed_at IS NULL",
    "a tick with two runs": "SELECT e.ts, count(*) FROM signalbox_event e"
    " JOIN signalbox_run_event re ON re.event = e.id JOIN signalbox_run r ON r.id = re.run"
    " WHERE r.function = 'torture-tick' GROUP BY e.ts HAVING count(*) > 1",
}
SHOWN = 8


def broken_invariants(database: Database) -> list[str]:
    """A line for each thing that is wrong, a few of each kind."""
    found = []
    for name, sql in INVARIANTS.items():
        rows = database.rows(sql)
        found += [f"{name}: {row}" for row in rows[:SHOWN]]
        if len(rows) > SHOWN:
            found.append(f"{name}: {len(rows) - SHOWN} more")
    return found
