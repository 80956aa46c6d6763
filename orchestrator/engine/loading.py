"""Reading runs for those who go on with them: a constant number of queries, however many runs."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from orchestrator.core.ops import CallRequest, ErrorInfo, Memo, OpenStep, OpKind, Status, WaitKind
from orchestrator.engine.facts import Claimed, RunFacts
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.sql import FACT_COLUMNS, Id

SETTLED = {Status.COMPLETED, Status.FAILED, Status.TIMED_OUT, Status.CANCELLED}


def load_facts(tx: Tx, runs: Sequence[str]) -> list[RunFacts]:
    if not runs:
        return []
    condition, params = tx.db.any_of("id", [Id(run) for run in runs])
    return facts_of(tx, tx.db.query(f"SELECT {FACT_COLUMNS} FROM signalbox_run WHERE {condition}", params))


def facts_of(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> list[RunFacts]:
    """Of rows that begin with FACT_COLUMNS."""
    id_of, moment = tx.db.id, tx.db.moment
    facts = []
    for row in rows:
        run = id_of(row[0])
        facts.append(
            RunFacts(
                id=run,
                env=row[1],
                function=row[2],
                fence=row[3],
                attempt=row[4],
                root=run if row[5] == row[0] else id_of(row[5]),
                parent=None if row[6] is None else id_of(row[6]),
                parent_key=row[7],
                replay_of=None if row[8] is None else id_of(row[8]),
                queue=row[9],
                version=row[10],
                queued_at=moment(row[11]) or tx.now,
                started_at=moment(row[12]) or tx.now,
                lost=row[13],
            )
        )
    return facts


Inputs = Callable[[], tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]]


def ask_inputs(tx: Tx, runs: Sequence[str]) -> Inputs:
    """Asks for what runs were started with: their inputs and their events, each by run; answered when called."""
    if not runs:
        return lambda: ({}, {})
    condition, params = tx.db.any_of("run", [Id(run) for run in runs])
    inputs = tx.db.ask(f"SELECT run, CAST(input AS text) FROM signalbox_run_data WHERE {condition}", params)
    events = _ask_events(tx, runs)
    return lambda: (
        {tx.db.id(run): orjson.loads(text) for run, text in inputs() if text is not None},
        _events(tx, events()),
    )


def load_requests(tx: Tx, claimed: Sequence[Claimed], asked: Inputs | None = None) -> None:
    """Gives each run its request: input, events, settled steps and open ones, and its unread signals."""
    if not claimed:
        return
    asked = asked or ask_inputs(tx, [c.facts.id for c in claimed])
    # What nobody has ever held has no steps, and no signals but those just read.
    begun = [c for c in claimed if c.facts.fence > 1 or c.facts.replay_of is not None]
    mail, steps = (_mail(tx, begun), _steps(tx, begun)) if begun else ({}, {})
    inputs, events = asked()
    for c in begun:
        c.mail = mail.get(c.facts.id, [])
    for c in claimed:
        memos, open_steps = steps.get(c.facts.id) or ({}, {})
        c.request = CallRequest(
            run_id=c.facts.id,
            env=c.facts.env,
            function=c.facts.function,
            attempt=c.facts.attempt,
            queued_at=c.facts.queued_at,
            events=events.get(c.facts.id, ()),
            input=inputs.get(c.facts.id),
            memos=memos,
            open_steps=open_steps,
            parent_run_id=c.facts.parent,
            replay_of=c.facts.replay_of,
        )


def load_events(tx: Tx, runs: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Envelopes of the events each run was started with, in order."""
    return _events(tx, _ask_events(tx, runs)())


def _ask_events(tx: Tx, runs: Sequence[str]) -> Callable[[], list[tuple[Any, ...]]]:
    condition, params = tx.db.any_of("re.run", [Id(run) for run in runs])
    return tx.db.ask(
        'SELECT re.run, e.id, e.name, CAST(e.data AS text), e.ts, CAST(e."user" AS text), e.v'
        " FROM signalbox_run_event re"
        f" JOIN signalbox_event e ON e.id = re.event WHERE {condition} ORDER BY re.run, re.n",
        params,
    )


def _events(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> dict[str, list[dict[str, Any]]]:
    db = tx.db
    result: dict[str, list[dict[str, Any]]] = {}
    for run, id_, name, data, ts, user, v in rows:
        moment = db.moment(ts) or tx.now
        event = {"id": db.id(id_), "name": name, "data": orjson.loads(data), "ts": int(moment.timestamp() * 1000)}
        if user is not None:
            event["user"] = orjson.loads(user)
        if v is not None:
            event["v"] = v
        result.setdefault(db.id(run), []).append(event)
    return result


def _mail(tx: Tx, claimed: Sequence[Claimed]) -> dict[str, list[tuple[int, str, Any]]]:
    condition, params = tx.db.any_of("run", [Id(c.facts.id) for c in claimed])
    rows = tx.db.query(
        f"SELECT run, n, name, CAST(payload AS text) FROM signalbox_mail WHERE {condition} ORDER BY n", params
    )
    result: dict[str, list[tuple[int, str, Any]]] = {}
    for run, n, name, payload in rows:
        result.setdefault(tx.db.id(run), []).append((n, name, orjson.loads(payload)))
    return result


def _steps(tx: Tx, claimed: Sequence[Claimed]) -> dict[str, tuple[dict[str, Memo], dict[str, OpenStep]]]:
    """The last attempt of each step says what the step is."""
    db = tx.db
    condition, params = db.any_of("a.run", [Id(c.facts.id) for c in claimed])
    rows = db.query(
        "SELECT a.run, a.key, a.number, a.op, a.ordinal, a.status, CAST(a.output AS text), b.body,"
        " CAST(a.error AS text), CAST(a.detail AS text) FROM signalbox_attempt a"
        f" LEFT JOIN signalbox_blob b ON b.id = a.blob WHERE {condition} AND a.key <> ''"
        " ORDER BY a.run, a.key, a.number",
        params,
    )
    waits = {c.facts.id: c.waits for c in claimed}
    result: dict[str, tuple[dict[str, Memo], dict[str, OpenStep]]] = {run: ({}, {}) for run in waits}
    for row in rows:
        run = db.id(row[0])
        memos, open_steps = result[run]
        _fold(row, memos, open_steps, waits[run])
    return result


def _fold(row: tuple[Any, ...], memos: dict[str, Memo], open_steps: dict[str, OpenStep], waits: Any) -> None:
    _, key, number, op, ordinal, status_text, output, blob, error, detail = row
    status = Status(status_text)
    memos.pop(key, None)
    before = open_steps.pop(key, None)
    wait = waits.get(key)
    retried = status is Status.FAILED and detail is not None and "retry_at" in orjson.loads(detail)
    if status in SETTLED and not retried:
        text = output if output is not None else blob
        info = ErrorInfo.from_json(orjson.loads(error)) if error else None
        value = orjson.loads(text) if text is not None else None
        memos[key] = Memo(key, OpKind(op), status, ordinal, value, info)
        return
    kind: WaitKind | None = wait.kind if wait is not None else None
    died = status in (Status.LOST, Status.RUNNING)
    lost = (before.lost if before is not None else 0) + died
    open_steps[key] = OpenStep(key, OpKind(op), ordinal, number + 1 if retried or died else number, kind, lost)
