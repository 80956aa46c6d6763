"""SQL that partitions the tables which grow with time, by month: ``python -m benchmarks.partition 2027-01 12 | psql``.

Ids are ULIDs, so a range of ids is a range of time. What is there already becomes the first partition, as it is:
nothing is copied. docs/scaling.md says when and how. Stop engines, schedulers and web processes meanwhile.
"""

import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

from orchestrator.core import ids

# By the run they belong to, so that a run's rows of all tables lie in partitions of the same month.
KEYS = {
    "signalbox_event": "id",
    "signalbox_run": "id",
    "signalbox_run_data": "run",
    "signalbox_run_event": "run",
    "signalbox_attempt": "run",
    "signalbox_journal": "run",
    "signalbox_log": "run",
}

BESIDE = ("signalbox_sample", "signalbox_progress", "signalbox_mail")  # small tables that are not partitioned


def months(first: str, count: int) -> list[datetime]:
    """The beginnings of ``count`` months and of the one after them."""
    year, month = map(int, first.split("-"))
    return [datetime(year + (month - 1 + n) // 12, (month - 1 + n) % 12 + 1, 1, tzinfo=UTC) for n in range(count + 1)]


def bound(moment: datetime) -> str:
    """The smallest id of that moment, as PostgreSQL writes it."""
    return f"'{uuid.UUID(bytes=ids.to_bytes(ids.new_id(moment, bytes(10))))}'"


def statements(first: str, count: int) -> Iterator[str]:
    """Partitions all tables; what lies before the first month is one partition, what comes after the last another."""
    for table, key in KEYS.items():
        yield from _convert(table, key, months(first, count))


def more(first: str, count: int) -> Iterator[str]:
    """Adds partitions for further months, while everything runs; the last of them begins to be used when it is due."""
    for table in KEYS:
        yield from _partitions(table, months(first, count))


def drop(first: str, count: int) -> Iterator[str]:
    """Drops months whose runs have all ended, instead of deleting their rows; refuses while somebody needs them."""
    begin, end = months(first, count)[0], months(first, count)[-1]
    where = f"r.id >= {bound(begin)} AND r.id < {bound(end)}"
    needed = f"e.event >= {bound(begin)} AND e.event < {bound(end)}"
    yield (
        f"DO $$ BEGIN IF EXISTS (SELECT 1 FROM signalbox_run r WHERE r.ended_at IS NULL AND {where})"
        " OR EXISTS (SELECT 1 FROM signalbox_run r JOIN signalbox_run_event e ON e.run = r.id"
        f" WHERE r.ended_at IS NULL AND {needed})"
        " THEN RAISE EXCEPTION 'runs that have not ended need this month'; END IF; END $$"
    )
    for table in KEYS:
        yield from (f"DROP TABLE {table}_{month:%Y_%m}" for month in months(first, count)[:-1])
    yield (
        "DELETE FROM signalbox_blob b WHERE NOT EXISTS (SELECT 1 FROM signalbox_run r WHERE r.id = b.run)"
        " AND NOT EXISTS (SELECT 1 FROM signalbox_attempt a WHERE a.blob = b.id)"
    )
    for table in BESIDE:
        yield f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM signalbox_run r WHERE r.id = t.run)"


def _convert(table: str, key: str, beginnings: list[datetime]) -> Iterator[str]:
    past = f"{table}_past"
    yield f"ALTER TABLE {table} RENAME TO {past}"
    if table == "signalbox_log":
        yield from _log(past)
    else:
        # Indexes of the past keep their names: those of the parent are numbered by PostgreSQL.
        yield f"CREATE TABLE {table} (LIKE {past} INCLUDING ALL) PARTITION BY RANGE ({key})"
    yield f"ALTER TABLE {table} ATTACH PARTITION {past} FOR VALUES FROM (MINVALUE) TO ({bound(beginnings[0])})"
    yield from _partitions(table, beginnings)
    yield f"CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT"


def _partitions(table: str, beginnings: list[datetime]) -> Iterator[str]:
    for begin, end in pairwise(beginnings):
        values = f"FROM ({bound(begin)}) TO ({bound(end)})"
        yield f"CREATE TABLE {table}_{begin:%Y_%m} PARTITION OF {table} FOR VALUES {values}"


def _log(past: str) -> Iterator[str]:
    """Its key must hold the run, and before version 17 PostgreSQL numbers no rows of a partitioned table by itself."""
    yield f"ALTER TABLE {past} ALTER COLUMN id DROP IDENTITY"
    yield "CREATE SEQUENCE signalbox_log_number"
    yield f"SELECT setval('signalbox_log_number', (SELECT coalesce(max(id), 0) + 1 FROM {past}))"
    yield f"ALTER TABLE {past} DROP CONSTRAINT signalbox_log_pkey"
    yield f"CREATE TABLE signalbox_log (LIKE {past}) PARTITION BY RANGE (run)"
    yield "ALTER TABLE signalbox_log ALTER COLUMN id SET DEFAULT nextval('signalbox_log_number')"
    yield "ALTER TABLE signalbox_log ADD PRIMARY KEY (run, id)"


def main(arguments: list[str]) -> None:
    wanted = more if "--more" in arguments else drop if "--drop" in arguments else statements
    first, count = [argument for argument in arguments if not argument.startswith("--")]
    print("BEGIN;")
    print(";\n".join(wanted(first, int(count))) + ";")
    print("COMMIT;")


if __name__ == "__main__":
    main(sys.argv[1:])
