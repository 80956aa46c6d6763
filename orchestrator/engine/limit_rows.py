"""Limits as they are stored: locked for an admission, counted, and opened again for those who wait. In the journal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrator.core.admission import LimitState
from orchestrator.core.gcra import Rate, next_start, starts_allowed, under
from orchestrator.core.limiting import SEPARATOR
from orchestrator.engine.holding import let_go
from orchestrator.engine.journal.tx import Tx
from orchestrator.models.fields import from_micros, to_micros

ROWS_AT_ONCE = 150  # of one statement, six parameters each
PAGE = 400  # rows that one transaction tidies
KEYS_AT_ONCE = 400  # parameters of one statement
Declared = tuple[int | None, Rate | None]  # places, pace
Overrides = Mapping[tuple[str, str], tuple[int, float | None]]


def target_of(key: str) -> str:
    """What the limit is about, without environment and value."""
    return key.partition(":")[2].partition(SEPARATOR)[0]


def gate_of(key: str) -> str:
    """What kind of limit it is: "concurrency", "throttle", "singleton" and so on."""
    return target_of(key).partition(":")[0]


def lock_limits(tx: Tx, declared: Mapping[str, Declared]) -> dict[str, LimitState]:
    """The state of each limit, locked until the commit. ``declared``: what the code says; operators may say more."""
    keys = sorted(declared)
    # One way to the database and back for all three; what is counted is counted after the lock was taken.
    set_ = _ask_overrides(tx, {target_of(key) for key in keys})
    locked = [_ask_locked(tx, keys[n : n + ROWS_AT_ONCE], declared) for n in range(0, len(keys), ROWS_AT_ONCE)]
    taken = _ask_used(tx, [key for key in keys if declared[key][1] is None])
    changed = set_()
    found = [row for rows in locked for row in rows()]
    used = taken()
    states: dict[str, LimitState] = {}
    # Not "held_at IS NOT NULL": SQLite 3.40 answers 1 to that in RETURNING, though it answers NULL to held_at.
    for key, tat, held_at, *stored in found:
        size, rate = _as_set(declared[key], changed.get((_env(key), target_of(key))))
        if stored != _row(key, size, rate)[3:]:
            tat = _change(tx, key, size, rate, tat)
        states[key] = LimitState(size, used.get(key, 0), rate, tat, awaited=held_at is not None)
    return states


def _ask_locked(tx: Tx, keys: Sequence[str], declared: Mapping[str, Declared]) -> Callable[[], list[tuple[Any, ...]]]:
    """Each limit as it is stored, from now on as the code has it; in the order of the keys, so that nobody crosses."""
    values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(keys))
    return tx.db.ask(
        f"INSERT INTO signalbox_limit (key, env, target, size, spacing, burst) VALUES {values}"
        " ON CONFLICT (key) DO UPDATE SET target = excluded.target"
        " RETURNING key, tat, held_at, size, spacing, burst",
        [value for key in keys for value in _row(key, *declared[key])],
    )


def _change(tx: Tx, key: str, size: int | None, rate: Rate | None, tat: int | None) -> int | None:
    """The limit is another from now on; the pace that it goes on with."""
    pace = tat if rate is None else under(rate, tat, to_micros(tx.now))
    sql = "UPDATE signalbox_limit SET size = ?, spacing = ?, burst = ?, tat = ? WHERE key = ?"
    tx.db.run(sql, [*_row(key, size, rate)[3:], pace, key])
    return pace


def try_limits(tx: Tx, declared: Mapping[str, Declared]) -> tuple[dict[str, LimitState], set[str]]:
    """As ``lock_limits``, without waiting: limits that are not known so, or that others look at, are left out.

    Also those at which somebody waits; they are closed.
    """
    lock = " FOR NO KEY UPDATE SKIP LOCKED" if tx.db.vendor == "postgresql" else ""
    columns = "key, tat, held_at IS NOT NULL, size, spacing, burst"
    keys = sorted(declared)
    # One way to the database and back for all three; what is counted is counted after the lock was taken.
    locked = _ask(tx, keys, f"SELECT {columns} FROM signalbox_limit WHERE {{}}{lock}")
    set_ = _ask_overrides(tx, {target_of(key) for key in keys})
    taken = _ask_used(tx, [key for key in keys if declared[key][0] is not None])
    rows, changed, used = locked(), set_(), taken()
    states: dict[str, LimitState] = {}
    for key, tat, held, *stored in rows:
        size, rate = _as_set(declared[key], changed.get((_env(key), target_of(key))))
        if stored == _row(key, size, rate)[3:]:
            states[key] = LimitState(0) if held else LimitState(size, used.get(key, 0), rate, tat)
    return states, {row[0] for row in rows if row[2]}


def _env(key: str) -> str:
    return key.partition(":")[0]


def _row(key: str, size: int | None, rate: Rate | None) -> list[Any]:
    spacing, burst = (rate.interval, rate.burst) if rate is not None else (None, None)
    return [key, int(_env(key)), target_of(key), size, spacing, burst]


def _as_set(declared: Declared, override: tuple[int, float | None] | None) -> Declared:
    size, rate = declared
    if override is None:
        return declared
    limit, period = override
    if rate is None:
        return limit, None
    return size, rate if period is None else Rate.of(limit, period, rate.burst)


def overrides(tx: Tx, targets: Iterable[str]) -> Overrides:
    """What operators have set for these, and is in force, by environment and target."""
    return _ask_overrides(tx, targets)()


def _ask_overrides(tx: Tx, targets: Iterable[str]) -> Callable[[], Overrides]:
    found = _ask(
        tx,
        sorted(targets),
        'SELECT env, target, "limit", period FROM signalbox_limit_override'
        " WHERE {} AND (expires_at IS NULL OR expires_at > ?)",
        [tx.now],
        column="target",
    )
    return lambda: {(str(env), target): (limit, period) for env, target, limit, period in found()}


def count_used(tx: Tx, keys: Sequence[str]) -> dict[str, int]:
    """Places taken by runs that somebody holds; a singleton's by the run that has not ended."""
    return _ask_used(tx, keys)()


def _ask_used(tx: Tx, keys: Sequence[str]) -> Callable[[], dict[str, int]]:
    single = [key for key in keys if gate_of(key) == "singleton"]
    held = _ask(
        tx,
        [key for key in keys if key not in single] if single else keys,
        "SELECT s.key, count(*) FROM signalbox_slot s JOIN signalbox_run r ON r.id = s.run AND r.fence = s.fence"
        " WHERE {} AND r.owner IS NOT NULL GROUP BY s.key",
        column="s.key",
    )
    kept = _ask(
        tx,
        single,
        "SELECT s.key, count(*) FROM signalbox_slot s JOIN signalbox_run r ON r.id = s.run"
        " WHERE {} AND s.fence = 0 AND r.ended_at IS NULL AND coalesce(r.gate, '') <> s.key GROUP BY s.key",
        column="s.key",
    )
    return lambda: dict([*held(), *kept()])


def open_gates(tx: Tx, keys: Iterable[str], room: int) -> None:
    """Lets as many of those who wait at each limit be looked at again as it has places for."""
    wanted = sorted(set(keys))
    held = _read(
        tx,
        wanted,
        "SELECT key, size, spacing, burst, tat FROM signalbox_limit WHERE {} AND held_at IS NOT NULL",
    )
    _lock_singletons(tx, [row[0] for row in held if gate_of(row[0]) == "singleton"])
    changed = overrides(tx, {target_of(row[0]) for row in held}) if held else {}
    used = count_used(tx, [row[0] for row in held])
    for key, size, spacing, burst, tat in held:
        declared: Declared = (size, Rate(spacing, burst) if spacing else None)
        size, rate = _as_set(declared, changed.get((_env(key), target_of(key))))
        places = room if size is None else size - used.get(key, 0)
        if rate is not None:
            # A rate that was changed since: those who are let go find the pace that counts now.
            allowed = starts_allowed(rate, tat, to_micros(tx.now)) if rate.interval == spacing else rate.burst
            places = min(places, allowed)
        if places > 0:
            _open(tx, key, min(places, room))


def _lock_singletons(tx: Tx, keys: Sequence[str]) -> None:
    """Nobody looks at their runs again once they are let go on: two processes must not let two of them."""
    lock = " FOR NO KEY UPDATE" if tx.db.vendor == "postgresql" else ""
    _read(tx, keys, f"SELECT key FROM signalbox_limit WHERE {{}} ORDER BY key{lock}")


def _open(tx: Tx, key: str, places: int) -> None:
    if let_go(tx, key, places) < places:
        tx.db.run(
            "UPDATE signalbox_limit SET held_at = NULL, wake_at = NULL WHERE key = ?"
            " AND NOT EXISTS (SELECT 1 FROM signalbox_run WHERE gate = ?)",
            [key, key],
        )


def due_keys(tx: Tx, most: int) -> list[str]:
    """Throttles at which somebody waits, and that let the next one in by now."""
    sql = "SELECT key FROM signalbox_limit WHERE held_at IS NOT NULL AND wake_at <= ? ORDER BY held_at LIMIT ?"
    return [key for (key,) in tx.db.query(sql, [tx.now, most])]


def note_held(tx: Tx, keys: Iterable[str], wakes: Mapping[str, datetime]) -> None:
    """Somebody waits there from now on; a throttle says until when."""
    sql = "UPDATE signalbox_limit SET held_at = coalesce(held_at, ?), wake_at = ? WHERE key = ?"
    for key in sorted(keys):
        tx.db.run(sql, [tx.now, wakes.get(key), key])


def pace(tx: Tx, states: Mapping[str, LimitState]) -> None:
    """Writes when the next start of each throttle is due; who waits there is looked at then."""
    for key, state in sorted(states.items()):
        wake = None if state.rate is None else from_micros(next_start(state.rate, state.tat))
        tx.db.run(
            "UPDATE signalbox_limit SET tat = ?, wake_at = CASE WHEN held_at IS NULL THEN NULL ELSE ? END"
            " WHERE key = ?",
            [state.tat, wake, key],
        )
        if wake is not None and state.awaited:  # else nobody has to be woken: who begins to wait says until when
            tx.effects.due.append(wake)


def forget_idle(tx: Tx, after: str) -> str | None:
    """Forgets limits by key that hold nobody, count nobody and pace nobody, of the next page of keys after that one.

    Where the next page begins; None at the end. A limit that is needed again is written again.
    """
    keys = [
        key
        for (key,) in tx.db.query(f"SELECT key FROM signalbox_limit WHERE key > ? ORDER BY key LIMIT {PAGE}", [after])
    ]
    if keys:
        condition, params = tx.db.any_of("key", keys)
        tx.db.run(
            f"DELETE FROM signalbox_limit WHERE {condition} AND held_at IS NULL AND expires_at IS NULL"
            " AND (tat IS NULL OR tat < ?)"
            " AND NOT EXISTS (SELECT 1 FROM signalbox_slot s WHERE s.key = signalbox_limit.key)"
            " AND NOT EXISTS (SELECT 1 FROM signalbox_run r WHERE r.gate = signalbox_limit.key)",
            [*params, to_micros(tx.now)],
        )
    return keys[-1] if len(keys) == PAGE else None


def _read(tx: Tx, keys: Sequence[str], sql: str) -> list[tuple[Any, ...]]:
    return _ask(tx, keys, sql)()


def _ask(
    tx: Tx, keys: Sequence[str], sql: str, more: Sequence[Any] = (), *, column: str = "key"
) -> Callable[[], list[tuple[Any, ...]]]:
    """A statement for so many keys at once; its rows, when they are asked for."""
    asked = []
    for start in range(0, len(keys), KEYS_AT_ONCE):
        condition, params = tx.db.any_of(column, list(keys[start : start + KEYS_AT_ONCE]))
        asked.append(tx.db.ask(sql.format(condition), [*params, *more]))
    return lambda: [row for rows in asked for row in rows()]
