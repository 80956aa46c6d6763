"""Running again: a run from its beginning or from a step, an event as it was or edited. The old run is only read."""

from enum import Enum
from typing import Any

import orjson

from orchestrator.core.codec import decode, encode
from orchestrator.core.errors import EventNotFound, InvalidInput, InvalidPayload, RunNotFound, StepNotFound
from orchestrator.core.ids import parse_id
from orchestrator.engine.audit import record_action
from orchestrator.engine.births import add_runs
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.journal.items import Call, NewRun
from orchestrator.engine.journal.starts import apply_starts
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.loading import load_events, load_facts
from orchestrator.engine.rows import KeyRow
from orchestrator.engine.runtime import Runtime, current
from orchestrator.engine.sql import Id
from orchestrator.engine.starting import KEY_LIFE, Starting, envelope, event_row
from orchestrator.engine.triggering import MAX_KEY


class Unchanged(Enum):
    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED

# A step is settled by its last attempt; what was retried comes along as its history.
COPY = """
INSERT INTO signalbox_attempt (run, key, number, op, ordinal, status, queued_at, started_at, ended_at, worker, fence,
                               output, blob, error, detail, reused)
SELECT {new}, key, number, op, ordinal, status, queued_at, started_at, ended_at, worker, fence,
       output, blob, error, detail, {true}
FROM signalbox_attempt a
WHERE run = ? AND key <> '' AND ordinal < ? AND status IN ('completed', 'failed', 'timed_out', 'lost')
  AND EXISTS (SELECT 1 FROM signalbox_attempt s WHERE s.run = a.run AND s.key = a.key AND (
      s.status IN ('completed', 'timed_out')
      OR s.status = 'failed' AND coalesce(CAST(s.detail AS text), '') NOT LIKE '%retry_at%'))
"""


def _replaying(runtime: Runtime, run_id: str, *, from_step: str | None, data: Any, key: str | None, actor: str) -> Call:
    old, ref = parse_id(run_id), runtime.clock.new_id()
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise InvalidInput(f"the key of a replay is a text of 1 to {MAX_KEY} characters")
    edited = None if data is None else decode(encode(data))
    if edited is not None and not isinstance(edited, dict):
        raise InvalidPayload("an edited payload is a JSON object")

    def apply(tx: Tx) -> str:
        if tx.db.vendor == "postgresql":
            tx.db.query("SELECT 1 FROM signalbox_run WHERE id = ? FOR KEY SHARE", [Id(old)])  # retention passes it over
        found = load_facts(tx, [old])
        if not found:
            raise RunNotFound(f"there is no run {old}")
        runtime.queueing.catalog.get(found[0].env, found[0].function)
        ordinal = None if from_step is None else _ordinal(tx, old, from_step)
        if key is not None and (first := _use_key(tx, found[0], key, ref)):
            return first
        new = _again(tx, runtime.queueing, found[0], id=ref, from_step=from_step, edited=edited)
        add_runs(tx, [new])
        tx.flush()
        if ordinal is not None:
            _copy_steps(tx, old, new.run.id, ordinal)
        after = {"new_run": new.run.id, "from_step": from_step, "edited": edited is not None}
        record_action(tx, found[0].env, "run.replay", old, actor=actor, after=after)
        return new.run.id

    return Call(apply)


def _use_key(tx: Tx, old: RunFacts, key: str, ref: str) -> str | None:
    """None when the key was free and now stands for ``ref``, else the run that it stands for."""
    row = KeyRow(old.env, f"replay:{old.id}", key, ref, tx.now + KEY_LIFE)
    if tx.db.use_keys([row])[0]:
        return None
    sql = "SELECT ref FROM signalbox_idempotency WHERE env = ? AND scope = ? AND key = ?"
    [(first,)] = tx.db.query(sql, [row.env, row.scope, row.key])
    return tx.db.id(first)


def _ordinal(tx: Tx, run: str, key: str) -> int:
    rows = tx.db.query("SELECT ordinal FROM signalbox_attempt WHERE run = ? AND key = ? AND key <> ''", [Id(run), key])
    if not rows:
        keys = tx.db.query(
            "SELECT DISTINCT key FROM signalbox_attempt WHERE run = ? AND key <> '' ORDER BY key LIMIT 20", [Id(run)]
        )
        known = ", ".join(row[0] for row in keys) or "none"
        raise StepNotFound(f"run {run} has no step {key!r}; its steps: {known}")
    return int(rows[0][0])


def _again(
    tx: Tx, starting: Starting, old: RunFacts, *, id: str, from_step: str | None, edited: dict[str, Any] | None
) -> NewRun:
    events = load_events(tx, [old.id]).get(old.id, [])
    given = tx.db.query("SELECT CAST(input AS text) FROM signalbox_run_data WHERE run = ?", [Id(old.id)])
    if not given:  # a large run goes piece by piece
        raise RunNotFound(f"run {old.id} is being deleted: the time for which it was kept is over")
    text = given[0][0]
    if edited is not None and events:
        events = [_edited_event(tx, starting, old, events[0], edited), *events[1:]]
    elif edited is not None:
        text = encode(edited)
    return starting.run(
        old.env,
        old.function,
        trigger="replay",
        now=tx.now,
        id=id,
        events=events,
        input=text,
        replay_of=old.id,
        replay_from=from_step,
    )


def _edited_event(
    tx: Tx, starting: Starting, old: RunFacts, event: dict[str, Any], data: dict[str, Any]
) -> dict[str, Any]:
    """The edited event belongs to this replay alone: it is stored, and starts nothing else."""
    row = event_row(starting.clock.new_id(), old.env, str(event["name"]), data, tx.now, source="console")
    row = row._replace(retrigger_of=str(event["id"]))
    tx.add(row)
    return envelope(row, data)


def _copy_steps(tx: Tx, old: str, new: str, ordinal: int) -> None:
    postgres = tx.db.vendor == "postgresql"
    sql = COPY.format(new="?::uuid" if postgres else "?", true="true" if postgres else "1")
    tx.db.run(sql.replace("'%retry_at%'", "'%%retry_at%%'") if postgres else sql, [Id(new), Id(old), ordinal])


def _retriggering(runtime: Runtime, event_id: str, data: Any, actor: str) -> Call:
    old = parse_id(event_id)
    edited = None if data is UNCHANGED else decode(encode(data))
    if data is not UNCHANGED and not isinstance(edited, dict):
        raise InvalidPayload("an event's data must be a JSON object")

    def apply(tx: Tx) -> str:
        rows = tx.db.query(
            'SELECT env, name, CAST(data AS text), CAST("user" AS text), v FROM signalbox_event WHERE id = ?', [Id(old)]
        )
        if not rows:
            raise EventNotFound(f"there is no event {old}")
        env, name, text, user, v = rows[0]
        value = orjson.loads(text) if edited is None else edited
        row = event_row(runtime.clock.new_id(), env, name, value, tx.now, v=v, source="console")
        row = row._replace(retrigger_of=old, user=user)
        apply_starts(tx, [runtime.queueing.event(row, envelope(row, value))])
        record_action(tx, env, "event.retrigger", old, actor=actor, after={"new_event": row.id})
        return row.id

    return Call(apply)


def replay_run(
    run_id: str, *, from_step: str | None = None, data: Any = None, key: str | None = None, actor: str = ""
) -> str:
    """Id of a new run on the same events; of the first one when the key was used for this run before.

    ``from_step``: with the results of the steps before it; ``data``: an edited payload.

    Raises RunNotFound, StepNotFound, UnknownFunction, InvalidId, InvalidInput, InvalidPayload, Unserialisable.
    """
    runtime = current()
    return str(runtime.commit(_replaying(runtime, run_id, from_step=from_step, data=data, key=key, actor=actor)))


async def areplay_run(
    run_id: str, *, from_step: str | None = None, data: Any = None, key: str | None = None, actor: str = ""
) -> str:
    """``replay_run`` for async code."""
    runtime = current()
    return str(await runtime.acommit(_replaying(runtime, run_id, from_step=from_step, data=data, key=key, actor=actor)))


def retrigger_event(event_id: str, *, data: Any = UNCHANGED, actor: str = "") -> str:
    """Id of a new event like that one, or with other data; it starts what such an event starts now.

    Raises EventNotFound, InvalidId, InvalidPayload, Unserialisable.
    """
    runtime = current()
    return str(runtime.commit(_retriggering(runtime, event_id, data, actor)))


async def aretrigger_event(event_id: str, *, data: Any = UNCHANGED, actor: str = "") -> str:
    """``retrigger_event`` for async code."""
    runtime = current()
    return str(await runtime.acommit(_retriggering(runtime, event_id, data, actor)))
