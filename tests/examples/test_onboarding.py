"""Onboarding over days, on a clock that the test moves."""

from collections.abc import Iterator

import pytest

from examples.functions.onboarding import ProjectCreated, UserSignedUp, onboarding
from examples.models import Mail
from orchestrator.testing import Harness, HarnessRun

pytestmark = pytest.mark.django_db
ADA = UserSignedUp(email="ada@example.com", name="Ada")


@pytest.fixture
def harness() -> Iterator[Harness]:
    with Harness(database="default") as harness:
        yield harness


def sign_up(harness: Harness) -> HarnessRun:
    [run] = harness.send(ADA)
    assert (run.function, run.status) == (onboarding.id, "waiting")
    return run


def mails() -> list[str]:
    return list(Mail.objects.filter(to="ada@example.com").order_by("id").values_list("subject", flat=True))


def test_who_does_nothing_for_three_days_is_offered_help(harness: Harness) -> None:
    run = sign_up(harness)
    harness.advance("2 days")
    assert mails() == ["Welcome, Ada!"]
    harness.advance("1 day")
    assert run.output == "was offered help"
    assert mails() == ["Welcome, Ada!", "Can we help you with your first project?"]


def test_who_creates_a_project_is_congratulated_and_asked_three_days_later(harness: Harness) -> None:
    run = sign_up(harness)
    harness.advance("1 day")
    harness.send(ProjectCreated(email="ada@example.com", project="Engine"))
    assert run.status == "sleeping"
    assert mails() == ["Welcome, Ada!", "Engine looks good!"]
    harness.advance("3 days")
    assert run.output == "created Engine"
    assert mails()[-1] == "How is Engine doing?"


def test_a_project_of_somebody_else_does_not_count(harness: Harness) -> None:
    run = sign_up(harness)
    harness.send(ProjectCreated(email="charles@example.com", project="Mill"))
    assert run.status == "waiting"
