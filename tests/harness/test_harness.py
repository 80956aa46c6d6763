"""The Harness: authors' tests of days, in milliseconds."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from orchestrator.core.errors import InvalidPayload, RunEnded
from orchestrator.core.ops import Status
from orchestrator.testing import Harness
from tests.harness.stories import (
    PREFIX,
    Confirmed,
    SignedUp,
    add_user,
    announce,
    charge,
    count_down,
    publish,
    write_report,
    write_section,
)


@pytest.fixture
def harness() -> Iterator[Harness]:
    with Harness() as harness:
        yield harness


def test_onboarding_gives_up_after_three_days() -> None:
    with Harness(stubs={"send-welcome": None}) as harness:
        [run] = harness.send(SignedUp("u1", "a@b.c"))
        harness.advance("2 days")
        assert run.status is Status.WAITING
        harness.advance("1 day")
        assert run.output == "reminded"
        assert run.logs == ["reminder to a@b.c"]


def test_onboarding_goes_on_with_whoever_confirms(harness: Harness) -> None:
    [one] = harness.send(SignedUp("u1", "one@b.c"))
    [two] = harness.send(SignedUp("u2", "two@b.c"))
    assert harness.send(Confirmed("u2")) == []
    assert (one.status, two.status) == (Status.WAITING, Status.SLEEPING)
    harness.advance("2 days")
    assert (one.status, two.output) == (Status.WAITING, "onboarded")
    assert list(two.steps) == ["send-welcome", "wait-for-confirmation", "let-them-look-around", "send-tips"]


def test_children_are_runs_of_their_own(harness: Harness) -> None:
    run = harness.trigger(write_report, ["intro", "end"])
    assert run.output == "INTRO END"
    assert [child.output for child in run.children] == ["INTRO", "END"]


def test_retries_come_when_the_clock_says_so(harness: Harness) -> None:
    run = harness.trigger(charge, 7)
    assert run.status is Status.RETRYING
    harness.advance("59 minutes")
    assert run.steps["charge"].attempts == 1
    harness.advance("1 minute")
    assert run.steps["charge"].attempts == 2
    harness.advance("2 h")
    assert run.status is Status.FAILED
    assert run.error == "ConnectionError: step 'charge' failed: ConnectionError: the bank did not answer for 7"


def test_a_stub_may_fail_a_step() -> None:
    with Harness(stubs={"charge": lambda amount: amount * 2}) as harness:
        assert harness.trigger(charge, 4).output == 8
    with Harness(stubs={"charge": ValueError("no funds")}) as harness:
        run = harness.trigger(charge, 4)
        assert run.steps["charge"].error == "ValueError: no funds"


def test_a_signal_wakes_a_waiting_run(harness: Harness) -> None:
    run = harness.trigger(publish)
    assert run.status is Status.WAITING
    harness.signal(run, "approval", {"by": "Ada"})
    assert run.output == "Ada"
    with pytest.raises(RunEnded):
        harness.signal(run, "approval", {"by": "Eve"})


def test_cancelling_is_final(harness: Harness) -> None:
    run = harness.trigger(publish)
    harness.cancel(run, "changed my mind")
    assert run.status is Status.CANCELLED
    assert run.history[-3:] == ["cancel.requested", "step.cancelled", "run.cancelled"]


def test_crons_tick_as_time_passes() -> None:
    with Harness(start=datetime(2026, 3, 1, 8, 0, tzinfo=UTC)) as harness:
        harness.advance("3 days")
        nightly = [run for run in harness.runs if run.function == f"{PREFIX}/nightly"]
        assert [run.output for run in nightly] == ["signalbox/scheduled.timer"] * 3


def test_two_harnesses_do_not_meet(harness: Harness) -> None:
    harness.trigger(publish)
    with Harness() as other:
        assert other.runs == []


@pytest.mark.django_db
def test_in_a_test_case_steps_see_its_rows_and_write_into_its_transaction(django_user_model: type) -> None:
    with Harness(database="default") as harness:
        run = harness.trigger(add_user, "ada")
        assert run.status is Status.COMPLETED
        assert django_user_model.objects.get(pk=run.output).username == "ada"  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_batch_starts_whole_or_not_at_all() -> None:
    with Harness(database="default") as harness:
        ids = write_section.batch_trigger({"section": name} for name in ("a", "b"))
        harness.run_until_idle()
        assert [run.output for run in harness.runs if run.id in ids] == ["A", "B"]
        with pytest.raises(InvalidPayload, match="missing a required argument: 'section'"):
            write_section.batch_trigger([{"section": "c"}, {}])
        assert len(harness.runs) == 2


def test_what_is_printed_without_an_end_is_kept_when_the_body_ends(harness: Harness) -> None:
    run = harness.trigger(count_down)
    assert run.logs == ["3 2 1 ", "go", "done"]


def test_one_key_cannot_stand_for_two_events(harness: Harness) -> None:
    run = harness.trigger(announce)
    assert run.status is Status.FAILED
    assert "one key is for one event" in (run.error or "")
