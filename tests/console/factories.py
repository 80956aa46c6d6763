"""Runs as the engine leaves them, made straight from rows: for tests of what the console shows."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.core.ids import derived_id, new_id
from orchestrator.models import Attempt, Event, Expectation, Function, Journal, Log, Run, RunData, RunEvent, Wait

NOW = datetime.now(UTC).replace(microsecond=0)
_numbers = itertools.count()
_values: dict[str, Any] = {"output": None, "error": None}

TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/payments.py", line 41, in charge
    response = client.post("/charges", json=payload, timeout=2)
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/venv/lib/python3.11/site-packages/httpx/_client.py", line 1144, in post
    return self.request(
           ^^^^^^^^^^^^^
  File "/venv/lib/python3.11/site-packages/httpx/_transports/default.py", line 118, in map_httpcore_exceptions
    raise mapped_exc(message) from exc
httpx.ReadTimeout: timed out

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/orchestrator/sdk/steps.py", line 88, in run
    result = await body(*args)
  File "/srv/shop/functions.py", line 63, in charge_card
    return charge(order, card)
  File "/srv/shop/payments.py", line 43, in charge
    raise PaymentGatewayDown(f"no answer from {client.base_url} after 2 s") from error
shop.payments.PaymentGatewayDown: no answer from https://api.payments.test after 2 s
"""
ERROR = {
    "type": "PaymentGatewayDown",
    "message": "no answer from https://api.payments.test after 2 s",
    "traceback": TRACEBACK,
}


def fresh_id(at: datetime = NOW) -> str:
    return new_id(at, next(_numbers).to_bytes(10, "big"))


def make_event(name: str = "order/placed", data: Any = None, at: datetime = NOW, **more: Any) -> Event:
    values = {"env": 1, "ts": at, "source": "api", "received_at": at, "routed_at": at} | more
    payload = {"order": 4711, "customer": {"id": "c-17", "name": "Ada"}} if data is None else data
    return Event.objects.create(id=fresh_id(at), name=name, data=payload, **values)


def make_function(slug: str = "process-order", **more: Any) -> Function:
    values = {"name": slug, "kind": "function", "triggers": [{"event": "order/placed"}], "registered_at": NOW}
    return Function.objects.create(slug=slug, **values | more)


def make_expectation(function: str, **more: Any) -> Expectation:
    """Of a function that should complete within 26 hours."""
    values = {"env": 1, "queue": "default", "within_seconds": 26 * 3600, "watched_from": NOW} | more
    return Expectation.objects.create(function=function, **values)


class RunBuilder:
    """A run told as a story: each call adds a step where the last one ended. ``save`` writes the rows."""

    def __init__(
        self, function: str = "process-order", at: datetime = NOW, *, queued: float = 0.04, **more: Any
    ) -> None:
        id = more.pop("id", None) or fresh_id(at)
        started = at + timedelta(seconds=queued)
        values = {"env": 1, "trigger": "event", "root": id, "status": "running", "seq": 2} | more
        self.run = Run(id=id, function=function, queued_at=at, started_at=started, **values)
        self.clock = started
        self.attempts: list[Attempt] = []
        self.waits: list[Wait] = []
        self.logs: list[Log] = []
        self.ordinal = 0

    def step(
        self, key: str, seconds: float = 0.1, *, op: str = "run", status: str = "completed", **more: Any
    ) -> "RunBuilder":
        """One step with one attempt. ``parallel=True`` leaves the clock where it is."""
        parallel, ordinal = more.pop("parallel", False), more.pop("ordinal", self.ordinal)
        number, queue = more.pop("number", 1), timedelta(seconds=more.pop("queued", 0))
        start = self.clock + queue
        end = None if status in {"running", "sleeping", "waiting"} else start + timedelta(seconds=seconds)
        if status == "completed" and op == "run":
            more.setdefault("output", {"step": key, "ok": True})
        self.attempts.append(
            Attempt(
                run=self.run.id, key=key, number=number, op=op, ordinal=ordinal, status=status, queued_at=self.clock,
                started_at=start, ended_at=end, worker="dev-1:4242", **more,
            )
        )  # fmt: skip
        self.ordinal = ordinal + 1
        if not parallel and end:
            self.clock = end
        return self

    def retried(
        self, key: str, failures: int = 2, *, seconds: float = 0.3, backoff: float = 1.0, fails: bool = False
    ) -> "RunBuilder":
        """A step that failed ``failures`` times, then succeeded, or with ``fails`` gave up."""
        ordinal = self.ordinal
        for number in range(1, failures + 1):
            last = fails and number == failures
            pause = timedelta(seconds=backoff * 2 ** (number - 1))
            detail = None if last else {"retry_at": (self.clock + timedelta(seconds=seconds) + pause).isoformat()}
            self.step(key, seconds, status="failed", number=number, ordinal=ordinal, error=ERROR, detail=detail)
            if not last:
                self.clock += pause
        return self if fails else self.step(key, seconds, number=failures + 1, ordinal=ordinal)

    def fan_out(self, base: str, count: int, *, seconds: float = 0.4, failed: Iterable[int] = ()) -> "RunBuilder":
        """``count`` parallel siblings named ``base-0``, ``base-1``…"""
        begin, longest, broken = self.clock, self.clock, set(failed)
        for n in range(count):
            self.clock = begin + timedelta(milliseconds=3 * n)
            length = seconds * (0.4 + (n * 7 % 11) / 8)
            status = "failed" if n in broken else "completed"
            self.step(f"{base}-{n}", length, status=status, error=ERROR if n in broken else None)
            longest = max(longest, self.clock)
        self.clock = longest
        return self

    def open_wait(self, kind: str, key: str, *, due: float | None = None, name: str = "", **more: Any) -> "RunBuilder":
        moment = None if due is None else self.clock + timedelta(seconds=due)
        self.waits.append(
            Wait(run=self.run.id, key=key, kind=kind, env=1, name=name, due_at=moment, created_at=self.clock, **more)
        )
        return self

    def log(self, key: str, message: str, level: str = "INFO", number: int = 1) -> "RunBuilder":
        self.logs.append(
            Log(run=self.run.id, key=key, number=number, at=self.clock, level=level, logger="shop", message=message)
        )
        return self

    def save(self, status: str = "completed", *, event: Event | None = None, **data: Any) -> Run:
        run = self.run
        run.status = status
        if status in {"completed", "failed", "cancelled", "timed_out"}:
            run.ended_at = self.clock + timedelta(milliseconds=2)
        if status == "queued":
            run.started_at = None
        run.seq = 2 + len(self.attempts)
        run.save(force_insert=True)
        RunData.objects.create(run=run.id, **_values | data)
        Attempt.objects.bulk_create(self.attempts, batch_size=500)
        Wait.objects.bulk_create(self.waits)
        Log.objects.bulk_create(self.logs)
        Journal.objects.bulk_create(self._journal(), batch_size=500)
        if event:
            RunEvent.objects.create(run=run.id, n=0, event=event.id)
        return run

    def _journal(self) -> list[Journal]:
        run = self.run
        facts: list[tuple[str, str, int]] = [("run.queued", "", 0), ("run.started", "", 0)]
        facts += [(f"step.{row.status}", row.key, row.number) for row in self.attempts]
        return [
            Journal(run=run.id, seq=seq, kind=kind, key=key, number=number, at=run.queued_at)
            for seq, (kind, key, number) in enumerate(facts, 1)
        ]


def append_step(
    run: Run, key: str, *, status: str = "completed", at: datetime, seconds: float = 0.1, **more: Any
) -> None:
    """Adds a settled or open step to a run that lives, with its journal entry, as a commit of the engine does."""
    ordinal = Attempt.objects.filter(run=run.id).count()
    end = None if status in {"running", "sleeping", "waiting"} else at + timedelta(seconds=seconds)
    Attempt.objects.create(
        run=run.id, key=key, number=1, op=more.pop("op", "run"), ordinal=ordinal, status=status,
        queued_at=at, started_at=at, ended_at=end, **more,
    )  # fmt: skip
    run.refresh_from_db()
    run.seq += 1
    Journal.objects.create(run=run.id, seq=run.seq, kind=f"step.{status}", key=key, number=1, at=at)
    run.save(update_fields=["seq"])


def rich_runs(now: datetime = NOW) -> Mapping[str, Run]:
    """One run of each kind a person meets: what screenshots and accessibility tests look at."""
    skipped = [
        {"function": "loyalty-points", "reason": "if event.data.customer.member is false"},
        {"function": "invoice-export", "reason": "function is paused"},
    ]
    order = make_event(at=now - timedelta(minutes=9), skipped=skipped)
    child = _child(now)
    running = RunBuilder("nightly-report", now - timedelta(seconds=14), trigger="cron")
    running.step("collect", 3.1).fan_out("page", 12, seconds=0.8).step("render", status="running")
    cancelled = RunBuilder("import-catalog", now - timedelta(minutes=12), trigger="call")
    cancelled.step("download", 2.2).step("parse", 4.0, status="cancelled")
    return {
        "failed": _failed(order),
        "child": child,
        "completed": _completed(now, order, child),
        "sleeping": _sleeping(now),
        "waiting": _waiting(now),
        "running": running.save("running"),
        "queued": RunBuilder("nightly-report", now - timedelta(seconds=2), trigger="cron").save("queued"),
        "cancelled": cancelled.save("cancelled"),
        "fan_out": _fan_out(now - timedelta(minutes=20)),
    }


def _failed(order: Event) -> Run:
    failed = RunBuilder(at=order.received_at)
    failed.step("load-order", 0.034, queued=0.004).log("load-order", "order 4711 has 3 lines")
    failed.step("reserve-stock", 0.41, op="transaction").step("fraud-check", 0.92)
    failed.retried("charge-card", 3, seconds=0.8, backoff=1.5, fails=True)
    failed.log("charge-card", "gateway did not answer", "WARNING").log("charge-card", "giving up", "ERROR", number=3)
    return failed.save("failed", event=order, error=ERROR)


def _sleeping(now: datetime) -> Run:
    at = now - timedelta(minutes=7)
    until = {"until": (now + timedelta(days=2)).isoformat()}
    wanted = {"event": "user/confirmed", "match": "data.user_id"}
    builder = RunBuilder("onboarding", at).step("send-welcome", 0.21)
    builder.step("wait-for-confirmation", 64, op="wait_for_event", detail=wanted)
    builder.step("let-them-look-around", op="sleep", status="sleeping", detail=until)
    builder.open_wait("timer", "let-them-look-around", due=2 * 86_400)
    return builder.save("sleeping", event=make_event("user/signed-up", {"user_id": "u-1"}, at))


def _waiting(now: datetime) -> Run:
    builder = RunBuilder("publish-article", now - timedelta(minutes=4), trigger="call").step("draft", 1.2)
    builder.step("approval", op="wait_for_signal", status="waiting", detail={"signal": "approved", "until": None})
    return builder.open_wait("signal", "approval", name="approved").save("waiting", input={"article": "ten-decisions"})


def _fan_out(at: datetime) -> Run:
    builder = RunBuilder("resize-images", at).step("list-images", 0.3)
    builder.fan_out("resize", 240, seconds=1.1, failed=(17, 93)).step("join", 0.05)
    return builder.save("completed", event=make_event("album/created", {"album": 9}, at), output={"resized": 238})


def _child(now: datetime) -> Run:
    parent = derived_id(now - timedelta(minutes=5), "parent")
    child = RunBuilder(
        "ship-order",
        now - timedelta(minutes=5) + timedelta(seconds=3),
        trigger="invoke",
        parent=parent,
        parent_key="ship",
    )
    child.step("book-carrier", 0.62).step("print-label", 0.38).step("hand-over", 1.1)
    return child.save("completed", output={"tracking": "SB-99"}, input={"order": 4711})


def _completed(now: datetime, order: Event, child: Run) -> Run:
    builder = RunBuilder(at=now - timedelta(minutes=5), id=child.parent, queued=0.18)
    builder.step("load-order", 0.034, queued=0.006).step("reserve-stock", 0.41, op="transaction")
    builder.retried("charge-card", 2, seconds=0.24, backoff=0.6).log("charge-card", "charged 129.00 EUR")
    builder.step(
        "ship", 2.4, op="invoke", detail={"function": "ship-order", "run": child.id}, output={"tracking": "SB-99"}
    )
    builder.step(
        "payment-captured", 9.5, op="wait_for_event", detail={"event": "payment/captured", "match": "data.order"}
    )
    builder.step("cool-down", 42, op="sleep", detail={"until": (builder.clock + timedelta(seconds=42)).isoformat()})
    builder.step("receipt-pdf", 0.9, parallel=True).step("receipt-mail", 0.7, parallel=True).step("update-crm", 1.3)
    builder.step("notify", 0.02, op="send_event", detail={"events": [fresh_id(now)]})
    lines = [{"sku": "A-1", "quantity": 2}, {"sku": "B-7", "quantity": 1}]
    output = {"order": 4711, "total": "129.00", "currency": "EUR", "lines": lines, "paid": True}
    return builder.save("completed", event=order, output=output)
