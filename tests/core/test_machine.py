"""What messages and timers mean to a run's waits: a state machine of any run against a model of what was promised."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestrator.core.machine import Drained, Message, OpenWait, drain, resting_place
from orchestrator.core.ops import MessageKind, Status, WaitKind

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.sampled_from(["approve", "pay"])
MINUTES = st.integers(0, 90).map(lambda n: timedelta(minutes=n))
DUES = st.none() | MINUTES.map(lambda delta: START + delta)


class AnyRun(RuleBasedStateMachine):
    """A run opens waits, others leave messages, its inbox is read now and then, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.waits: dict[str, OpenWait] = {}
        self.inbox: list[Message] = []
        self.settled: dict[str, Any] = {}
        self.sent: list[int] = []  # signals, by number
        self.received: list[int] = []
        self.number = 0

    def left(self, kind: MessageKind, dedup: str, data: dict[str, Any]) -> int:
        self.number += 1
        self.inbox.append(Message(self.number, kind, dedup, data))
        return self.number

    @rule(kind=st.sampled_from(WaitKind), name=NAMES, due_at=DUES)
    def open_a_wait(self, kind: WaitKind, name: str, due_at: datetime | None) -> None:
        key = f"step-{len(self.waits) + len(self.settled)}"
        if kind in (WaitKind.TIMER, WaitKind.RETRY):
            due_at = due_at or START
        self.waits[key] = OpenWait(key, kind, name, 1, due_at)

    @rule(name=NAMES)
    def send_a_signal(self, name: str) -> None:
        number = self.left(MessageKind.SIGNAL, f"signal:{self.number}", {"name": name, "data": self.number + 1})
        self.sent.append(number)

    @precondition(lambda self: self.waits or self.settled)
    @rule(data=st.data())
    def end_a_wait_by_message(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted([*self.waits, *self.settled])))
        if key in self.waits and self.waits[key].kind not in (WaitKind.EVENT, WaitKind.CHILD):
            return
        if key in self.waits and self.waits[key].kind is WaitKind.EVENT:
            self.left(MessageKind.EVENT, f"step:{key}", {"name": "paid"})
        else:
            status = data.draw(st.sampled_from(["completed", "failed", "cancelled"]))
            self.left(MessageKind.CHILD_END, f"step:{key}", {"status": status, "output": 1})

    @rule(delta=MINUTES)
    def let_time_pass(self, delta: timedelta) -> None:
        self.now += delta

    @rule()
    def read_the_inbox(self) -> None:
        before, messages, self.inbox = dict(self.waits), self.inbox, []
        drained = drain(list(before.values()), messages, self.now)
        for settlement in drained.settled:
            assert settlement.key in self.waits, "a wait is settled once, and only while it is open"
            del self.waits[settlement.key]
            self.settled[settlement.key] = settlement
        self.check_order(before, messages, drained)
        self.received += [message.id for message in drained.signals]

    def check_order(self, before: dict[str, OpenWait], messages: list[Message], drained: Drained) -> None:
        taken_to_wait = [
            s.output for s in drained.settled if s.kind is WaitKind.SIGNAL and s.status is Status.COMPLETED
        ]
        in_mail = [message.id for message in drained.mail]
        sent_now = [message.id for message in messages if message.kind is MessageKind.SIGNAL]
        assert sorted(taken_to_wait + in_mail) == sent_now, "each signal ends one wait or goes to the mail"
        answered = {m.dedup.removeprefix("step:") for m in messages if m.dedup.startswith("step:")}
        for key in answered & before.keys():
            assert self.settled[key].status is not Status.TIMED_OUT, "what came before its time-out was handled wins"
        for wait in self.waits.values():
            assert wait.due_at is None or wait.due_at > self.now, "what is due is settled"

    @invariant()
    def signals_are_received_in_the_order_in_which_they_were_sent(self) -> None:
        assert self.received == self.sent[: len(self.received)]

    @invariant()
    def a_resting_run_wakes_with_its_first_wait(self) -> None:
        status, due_at = resting_place((wait.kind, wait.due_at) for wait in self.waits.values())
        dues = [wait.due_at for wait in self.waits.values() if wait.due_at is not None]
        assert due_at == min(dues, default=None)
        assert not status.final


TestAnyRun = AnyRun.TestCase


@given(st.permutations(["a", "b", "c"]))
def test_a_signal_goes_to_the_wait_that_was_opened_first(order: list[str]) -> None:
    waits = [OpenWait(key, WaitKind.SIGNAL, "approve", 1, None) for key in order]
    message = Message(1, MessageKind.SIGNAL, "signal:1", {"name": "approve", "data": 7})
    assert [s.key for s in drain(waits, [message], START).settled] == order[:1]


def test_a_cancelled_child_fails_its_parents_step() -> None:
    wait = OpenWait("child", WaitKind.CHILD, "f", 1, None)
    message = Message(
        1, MessageKind.CHILD_END, "step:child", {"status": "cancelled", "error": {"type": "RunCancelled"}}
    )
    [settlement] = drain([wait], [message], START).settled
    assert (settlement.status, settlement.error) == (Status.FAILED, {"type": "RunCancelled"})


def test_a_retry_that_is_due_settles_nothing_but_its_wait() -> None:
    [settlement] = drain([OpenWait("charge", WaitKind.RETRY, "", 2, START)], [], START).settled
    assert (settlement.status, settlement.number) == (None, 2)


def test_a_cancel_is_told_whatever_else_came() -> None:
    cancel = Message(2, MessageKind.CANCEL, "cancel", {"actor": "ada"})
    refused = Message(1, MessageKind.REFUSED, "refused:1", {})
    drained = drain([], [refused, cancel], START)
    assert (drained.cancel, drained.refused) == (cancel, 1)
