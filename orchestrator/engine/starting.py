"""New runs: of an event, of a call, of a parent's step. Values only; the journal writes them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from orchestrator.core.codec import encode
from orchestrator.core.errors import InvalidExpression
from orchestrator.core.flow import NO_FLOW, Flow
from orchestrator.core.gating import Gates, gates_of
from orchestrator.core.limiting import head_start, run_limits
from orchestrator.core.ops import CallRequest, ChildRun, ErrorInfo, NewEvent, Status
from orchestrator.core.turns import Share, share_of
from orchestrator.engine.catalog import Catalog, Registered
from orchestrator.engine.clock import Clock
from orchestrator.engine.facts import RunFacts
from orchestrator.engine.journal.items import Entry, NewRun, Start
from orchestrator.engine.rows import CancelOnRow, EventRow, KeyRow, Row, RunDataRow, RunEventRow, RunRow
from orchestrator.engine.terms import cancels_of, deadlines_of
from orchestrator.models.fields import to_micros

KEY_LIFE = timedelta(hours=24)  # how long an idempotency key is remembered
MOST_HEAD_START = 12 * 3600.0  # seconds
PAST_GATES = ("invoke", "replay")  # a parent waits for that very run; an operator asked for it
DELAYED = ("event", "failure")  # and calls
FAILED_EVENT = "signalbox/function.failed"


def nobody(function: Registered) -> None:
    """No optimistic start: every run is queued."""


class Starting:
    """``reserve`` answers the session that will run a new run of that function at once, None to queue it."""

    def __init__(self, clock: Clock, catalog: Catalog, reserve: Callable[[Registered], str | None] = nobody) -> None:
        self.clock = clock
        self.catalog = catalog
        self.reserve = reserve

    def event(
        self,
        row: EventRow,
        payload: Mapping[str, Any],
        *,
        key: KeyRow | None = None,
        store_repeats: bool = False,
        trigger: str = "event",
    ) -> Start:
        """The event with a run for each function that it triggers, and the reasons of those it does not."""
        routed = self.catalog.router(row.env).match(payload)
        skipped = [{"function": r.function_id, "reason": r.skipped_reason} for r in routed if r.skipped_reason]
        start_at = row.ts if row.ts > row.received_at else None
        runs = []
        for function in [r.function_id for r in routed if not r.skipped_reason]:
            try:
                run = self.run(
                    row.env, function, trigger=trigger, now=row.received_at, events=[payload], start_at=start_at
                )
            except InvalidExpression as error:
                skipped.append({"function": function, "reason": f"a key cannot be evaluated: {error}"})
            else:
                runs.append(run)
        if skipped:
            row = row._replace(skipped=orjson.dumps(skipped).decode())
        return Start(row, payload, runs, key, store_repeats, ref=row.id)

    def run(
        self,
        env: int,
        function: str,
        *,
        trigger: str,
        now: datetime,
        id: str | None = None,
        events: Sequence[Mapping[str, Any]] = (),
        input: str | None = None,
        start_at: datetime | None = None,
        parent: RunFacts | None = None,
        parent_key: str | None = None,
        replay_of: str | None = None,
        replay_from: str | None = None,
    ) -> NewRun:
        """A run that begins now, or at ``start_at``. Raises UnknownFunction; InvalidExpression of its flow control."""
        known = self.catalog.get(env, function)
        run_id = id or self.clock.new_id()
        due_at = _due_at(known.flow, trigger, start_at, now)
        control = _control(known, run_id, events, input, now, trigger=trigger)
        owner = None if due_at or control.gates or control.share else self.reserve(known)
        entries = [Entry("run.queued", now), Entry("run.started", now)][: 2 if owner else 1]
        row = RunRow(
            id=run_id,
            env=env,
            function=function,
            version=known.version,
            trigger=trigger,
            root=parent.root if parent else run_id,
            parent=parent.id if parent else None,
            parent_key=parent_key,
            replay_of=replay_of,
            replay_from=replay_from,
            status=Status.RUNNING if owner else Status.DELAYED if due_at else Status.QUEUED,
            queue=known.queue,
            prio=to_micros(due_at or now) - control.ahead,
            owner=owner,
            fence=1 if owner else 0,
            seq=len(entries),
            attempt=1,
            due_at=due_at,
            lost=0,
            queued_at=now,
            started_at=now if owner else None,
            limits=control.limits,
        )
        terms: list[Row] = [*control.cancels, *deadlines_of(known.flow, row)]
        told = (entries, _run_events(run_id, events), events)
        return NewRun(row, RunDataRow(run_id, input), *told, control.gates, terms, control.share, known.flow)

    def child(self, facts: RunFacts, key: str, child: ChildRun, now: datetime) -> NewRun:
        """A run asked for by a step of another one."""
        return self.run(
            facts.env,
            child.function,
            trigger="invoke",
            now=now,
            id=child.id,
            input=child.input,
            parent=facts,
            parent_key=key if child.waited_for else None,
        )

    def from_run(self, facts: RunFacts, events: Sequence[NewEvent], now: datetime) -> list[Start]:
        """Events that a run sends: stored and routed with its checkpoint."""
        starts = []
        for event in events:
            row = event_row(event.id, facts.env, event.name, event.data, now, ts=event.ts, source="run")
            row = row._replace(source_run=facts.id, external_id=event.idempotency_key)
            key = event_key(facts.env, event.idempotency_key, event.id, now)
            starts.append(self.event(row, envelope(row, event.data), key=key, store_repeats=True))
        return starts

    def after_failure(self, facts: RunFacts, request: CallRequest, error: ErrorInfo, now: datetime) -> list[Start]:
        """The event that starts ``on_failure`` functions; none when nobody listens."""
        data = {
            "function_id": facts.function,
            "run_id": facts.id,
            "error": {**error.to_json(), "traceback": error.traceback[-8_192:]},
            "event": request.events[0] if request.events else None,
            "input": request.input,
        }
        payload = {"name": FAILED_EVENT, "data": data}
        if all(routed.skipped_reason for routed in self.catalog.router(facts.env).match(payload)):
            return []
        row = event_row(self.clock.new_id(), facts.env, FAILED_EVENT, data, now, source="engine")
        start = self.event(row._replace(source_run=facts.id), envelope(row, data), trigger="failure")
        if start.event:
            start.event = start.event._replace(skipped=None)  # handlers of other functions are no news
        return [start]


def _due_at(flow: Flow, trigger: str, start_at: datetime | None, now: datetime) -> datetime | None:
    """None for a run that may start now. A delay that a call asks for itself comes instead of its function's."""
    if flow.delay is not None and (trigger in DELAYED or (trigger == "call" and start_at is None)):
        start_at = max(start_at or now, now) + timedelta(seconds=flow.delay.by)
    return start_at if start_at is not None and start_at > now else None


class Control(NamedTuple):
    """What flow control means to one run. ``limits`` is JSON, ``ahead`` its head start in microseconds."""

    limits: str | None = None
    gates: Gates | None = None
    cancels: Sequence[CancelOnRow] = ()
    share: Share | None = None
    ahead: int = 0


FREE = Control()


def _control(
    known: Registered, run: str, events: Sequence[Mapping[str, Any]], input: str | None, now: datetime, *, trigger: str
) -> Control:
    """Raises InvalidExpression."""
    env, slug, flow = known.env, known.slug, known.flow
    if flow == NO_FLOW:
        return FREE
    event = events[0] if events else {"data": orjson.loads(input) if input is not None else {}}
    limits = run_limits(env, slug, flow, event) if flow.limits_starts else None
    return Control(
        orjson.dumps(limits).decode() if limits else None,
        None if trigger in PAST_GATES else gates_of(env, slug, flow, event, called=not events),
        cancels_of(flow, run, env, event, now),
        share_of(env, slug, flow, event),
        round(head_start(flow, event, MOST_HEAD_START) * 1_000_000),
    )


def _run_events(run: str, events: Sequence[Mapping[str, Any]]) -> list[RunEventRow]:
    return [RunEventRow(run, n, str(event["id"])) for n, event in enumerate(events)]


def event_row(
    id: str,
    env: int,
    name: str,
    data: Mapping[str, Any],
    now: datetime,
    *,
    ts: datetime | None = None,
    user: Mapping[str, Any] | None = None,
    v: str | None = None,
    external_id: str | None = None,
    source: str = "api",
) -> EventRow:
    """An event received now. Raises Unserialisable."""
    return EventRow(
        id=id,
        env=env,
        name=name,
        data=encode(data),
        user=encode(user) if user is not None else None,
        v=v,
        ts=ts or now,
        external_id=external_id,
        duplicate_of=None,
        retrigger_of=None,
        source=source,
        source_run=None,
        skipped=None,
        received_at=now,
        routed_at=now,
    )


def envelope(row: EventRow, data: Mapping[str, Any]) -> dict[str, Any]:
    """The event as functions, expressions and other programs see it; ``ts`` in milliseconds since 1970."""
    value: dict[str, Any] = {"id": row.id, "name": row.name, "data": dict(data), "ts": to_micros(row.ts) // 1000}
    if row.user is not None:
        value["user"] = orjson.loads(row.user)
    if row.v is not None:
        value["v"] = row.v
    return value


def event_key(env: int, key: str | None, ref: str, now: datetime) -> KeyRow | None:
    return None if key is None else KeyRow(env, "event", key, ref, now + KEY_LIFE)
