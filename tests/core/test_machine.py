"""Open waits and what comes for them: messages win over timers, each wait ends once, nothing is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.core.machine import (
    FROM_MAIL,
    RESTING,
    Drained,
    Message,
    OpenWait,
    drain,
    oldest_signal_wait,
    resting_place,
    settle_by_message,
    settle_by_timer,
    wakes_at,
)
from orchestrator.core.ops import MessageKind, Status, WaitKind

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = ("red", "blue")


def at(minute: int | None) -> datetime | None:
    return None if minute is None else NOON + timedelta(minutes=minute)


def wait(key: str, kind: WaitKind = WaitKind.EVENT, *, name: str = "", due: int | None = None) -> OpenWait:
    return OpenWait(key, kind, name, 1, at(due))


def message(number: int, kind: MessageKind, dedup: str = "", /, **data: Any) -> Message:
    return Message(number, kind, dedup, data)


def test_an_event_that_came_before_its_time_out_was_handled_wins() -> None:
    drained = drain([wait("w", due=-5)], [message(1, MessageKind.EVENT, "step:w", id="e")], NOON)
    [settled] = drained.settled
    assert (settled.status, settled.output) == (Status.COMPLETED, {"id": "e"})


@pytest.mark.parametrize(
    "kind, status",
    [
        (WaitKind.TIMER, Status.COMPLETED),  # a sleep is over
        (WaitKind.EVENT, Status.TIMED_OUT),
        (WaitKind.SIGNAL, Status.TIMED_OUT),
        (WaitKind.CHILD, Status.FAILED),  # a step that invoked a child has no None to answer
        (WaitKind.RETRY, None),  # the step goes on with its next attempt
    ],
)
def test_what_a_due_timer_means(kind: WaitKind, status: Status | None) -> None:
    [settled] = drain([wait("w", kind, due=0)], [], NOON).settled
    assert (settled.key, settled.number, settled.status) == ("w", 1, status)


@pytest.mark.parametrize(
    "ended, status",
    [("completed", Status.COMPLETED), ("failed", Status.FAILED), ("cancelled", Status.FAILED)],
)
def test_a_childs_end_gives_its_parents_step_the_outcome(ended: str, status: Status) -> None:
    end = message(1, MessageKind.CHILD_END, "step:w", status=ended, output=7, error={"type": "E"}, blob="b")
    settled = settle_by_message(wait("w", WaitKind.CHILD), end)
    assert (settled.status, settled.output, settled.error, settled.blob) == (status, 7, {"type": "E"}, "b")


def test_signals_go_to_the_oldest_wait_of_their_name_and_the_rest_is_mail() -> None:
    waits = [wait("a", WaitKind.SIGNAL, name="red"), wait("b", WaitKind.SIGNAL, name="red"), wait("c", name="red")]
    signals = [message(n, MessageKind.SIGNAL, name="red", data=n) for n in range(3)]
    drained = drain(waits, [*signals, message(9, MessageKind.SIGNAL, name="blue")], NOON)
    assert [(s.key, s.output) for s in drained.settled] == [("a", 0), ("b", 1)]
    assert [m.id for m in drained.mail] == [2, 9]
    assert [m.id for m in drained.signals] == [0, 1, 2, 9]
    assert oldest_signal_wait(waits[2:], "red") is None


def test_a_signal_that_was_mail_is_told_once_in_the_history() -> None:
    drained = drain([wait("a", WaitKind.SIGNAL, name="red")], [signal_from_mail()], NOON)
    assert [s.key for s in drained.settled] == ["a"]
    assert drained.signals == []


def signal_from_mail() -> Message:
    return message(4, MessageKind.SIGNAL, f"{FROM_MAIL}4", name="red", data=1)


def test_messages_for_waits_that_are_over_are_taken_and_mean_nothing() -> None:
    messages = [message(1, MessageKind.EVENT, "step:gone"), message(2, MessageKind.CHILD_END, "step:gone")]
    assert drain([], messages, NOON) == Drained()


def test_cancel_and_refused_results_are_told_beside_the_rest() -> None:
    cancel = message(1, MessageKind.CANCEL, "cancel", actor="Alice")
    drained = drain(
        [wait("w", due=0)], [cancel, message(2, MessageKind.REFUSED), message(3, MessageKind.REFUSED)], NOON
    )
    assert (drained.cancel, drained.refused) == (cancel, 2)
    assert [s.key for s in drained.settled] == ["w"]


kinds = st.sampled_from(WaitKind)
dues = st.none() | st.integers(-100, 100)


@given(st.lists(st.tuples(kinds, dues)))
def test_a_resting_run_shows_the_wait_that_ends_first(waits: list[tuple[WaitKind, int | None]]) -> None:
    moments = [(kind, at(due)) for kind, due in waits]
    status, due_at = resting_place(moments)
    known = [moment for _, moment in moments if moment is not None]
    assert due_at == (min(known) if known else None)
    if moments:
        assert status in {RESTING[kind] for kind, moment in moments if moment == due_at}
    else:
        assert status is Status.WAITING


class Inbox(RuleBasedStateMachine):
    """A run that opens waits, gets messages in any order, and looks at them whenever it likes."""

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.waits: dict[str, OpenWait] = {}
        self.messages: list[Message] = []
        self.over: dict[str, Any] = {}
        self.answerable: dict[str, WaitKind] = {}
        self.mail: list[Message] = []
        self.sent: dict[str, list[int]] = {name: [] for name in NAMES}
        self.received: dict[str, list[int]] = {name: [] for name in NAMES}
        self.count = 0
        self.cancelled = False
        self.asked_to_cancel = False

    @rule(kind=kinds, name=st.sampled_from(NAMES), due=dues)
    def open_wait(self, kind: WaitKind, name: str, due: int | None) -> None:
        self.count += 1
        if kind is WaitKind.SIGNAL:
            letter = next((m for m in self.mail if m.data["name"] == name), None)
            if letter is not None:  # it is taken at once
                self.mail.remove(letter)
                self.received[name].append(letter.id)
                return
        moment = None if due is None else self.now + timedelta(minutes=due)
        key = f"w{self.count}"
        self.waits[key] = OpenWait(key, kind, name, 1, moment)
        if kind in (WaitKind.EVENT, WaitKind.CHILD):
            self.answerable[key] = kind

    @rule(data=st.data())
    def message_for_a_wait(self, data: st.DataObject) -> None:
        if self.answerable:
            key = data.draw(st.sampled_from(sorted(self.answerable)))
            kind = MessageKind.CHILD_END if self.answerable[key] is WaitKind.CHILD else MessageKind.EVENT
            dedup = f"step:{key}"
            if all(m.dedup != dedup for m in self.messages):  # the inbox is unique on it
                self.add(kind, dedup, status="completed")

    @rule(name=st.sampled_from(NAMES))
    def signal(self, name: str) -> None:
        self.add(MessageKind.SIGNAL, f"signal:{self.count}", name=name, data=self.count)
        self.sent[name].append(self.messages[-1].id)

    @rule()
    def ask_to_cancel(self) -> None:
        if not self.asked_to_cancel:
            self.asked_to_cancel = True
            self.add(MessageKind.CANCEL, "cancel")

    def add(self, kind: MessageKind, dedup: str, **data: Any) -> None:
        self.count += 1
        self.messages.append(Message(self.count, kind, dedup, data))

    @rule(minutes=st.integers(0, 200))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.waits or self.messages)
    @rule()
    def look(self) -> None:
        drained = drain(list(self.waits.values()), self.messages, self.now)
        for settled in drained.settled:
            wait = self.waits.pop(settled.key)  # each of them was open, and ends once
            assert settled.key not in self.over
            self.over[settled.key] = settled.status
            if wait.kind is WaitKind.SIGNAL and settled.status is Status.COMPLETED:
                self.received[wait.name].append(
                    next(m.id for m in self.messages if m.data.get("data") == settled.output)
                )
        self.mail += drained.mail
        self.cancelled = self.cancelled or drained.cancel is not None
        self.messages = []

    @invariant()
    def timers_that_are_due_are_over_after_a_look(self) -> None:
        for wait in self.waits.values():
            if wait.due_at is not None and not self.messages and wait.due_at <= self.now:
                assert settle_by_timer(wait).key == wait.key

    @invariant()
    def each_signal_is_received_once_in_its_order_or_still_on_its_way(self) -> None:
        for name in NAMES:
            waiting = [m.id for m in self.mail if m.data["name"] == name]
            coming = [m.id for m in self.messages if m.kind is MessageKind.SIGNAL and m.data["name"] == name]
            assert self.received[name] + waiting + coming == self.sent[name]

    @invariant()
    def nobody_waits_for_a_signal_that_is_in_the_mail(self) -> None:
        awaited = {wait.name for wait in self.waits.values() if wait.kind is WaitKind.SIGNAL}
        assert not awaited & {m.data["name"] for m in self.mail}

    @invariant()
    def a_request_to_cancel_is_seen_at_the_next_look(self) -> None:
        if self.asked_to_cancel and not any(m.kind is MessageKind.CANCEL for m in self.messages):
            assert self.cancelled


TestInbox = Inbox.TestCase


def test_only_a_run_that_does_nothing_but_sleep_is_settled_ahead() -> None:
    short = OpenWait("short", WaitKind.TIMER, "", 1, at(1))
    long = OpenWait("long", WaitKind.TIMER, "", 1, at(5))
    signal = OpenWait("signal", WaitKind.SIGNAL, "red", 1, at(9))
    again = OpenWait("again", WaitKind.RETRY, "", 2, at(1))
    cancel = Message(1, MessageKind.CANCEL, "cancel", {})
    mail = Message(2, MessageKind.SIGNAL, "", {"name": "red"})

    assert wakes_at([long, short], []) == at(1)
    assert wakes_at([long, short], [mail]) == at(1)
    assert [wakes_at([short, other], []) for other in (signal, again)] == [None, None]
    assert wakes_at([short], [mail, cancel]) is None
    assert wakes_at([], []) is None
