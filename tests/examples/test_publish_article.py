"""An article that waits for an editor, on a clock that the test moves."""

from collections.abc import Iterator
from typing import Any

import pytest

from examples.functions.publish_article import EDITOR, ArticleSubmitted
from examples.models import Article, Mail
from orchestrator import send, signal
from orchestrator.engine.host import EngineHost
from orchestrator.models import Run
from orchestrator.testing import Harness, HarnessRun
from tests.eventually import eventually

NOTES = ArticleSubmitted(title="Notes", text="On the Engine.", author="ada@example.com")


@pytest.fixture
def harness(db: None) -> Iterator[Harness]:
    with Harness(database="default") as harness:
        yield harness


def submit(harness: Harness) -> HarnessRun:
    [run] = harness.send(NOTES)
    assert run.status == "waiting"
    assert Mail.objects.get().subject == "Approve 'Notes'?"
    return run


def test_what_an_editor_approves_is_published(harness: Harness) -> None:
    run = submit(harness)
    harness.advance("6 days")
    harness.signal(run, "approval", {"approved": True, "by": "Grace"})
    assert run.output == "published"
    article = Article.objects.get()
    assert article.approved_by == "Grace"
    assert article.published_at is not None
    assert Mail.objects.latest("id").to == "ada@example.com"


@pytest.mark.parametrize("answer", [{"approved": False, "by": "Grace"}, {"approved": "no"}, {}, "yes"])
def test_anything_but_an_approval_declines(harness: Harness, answer: Any) -> None:
    run = submit(harness)
    harness.signal(run, "approval", answer)
    assert run.output == "declined"
    assert Article.objects.get().published_at is None


def test_an_editor_has_a_week(harness: Harness) -> None:
    run = submit(harness)
    harness.advance("7 days")
    assert run.output == "expired"
    assert list(Mail.objects.filter(to=EDITOR).values_list("subject", flat=True)) == [
        "Approve 'Notes'?", "'Notes' was not decided on",
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_signal_goes_to_one_run_of_the_real_engine(engine: EngineHost) -> None:
    for _ in range(2):
        send(NOTES)
    runs = eventually(lambda: found if len(found := list(Run.objects.filter(status="waiting"))) == 2 else [])
    signal(runs[0].id, "approval", {"approved": True, "by": "Grace"})
    eventually(lambda: Run.objects.filter(id=runs[0].id, status="completed"))
    assert Run.objects.get(id=runs[1].id).status == "waiting"
    assert Article.objects.filter(published_at__isnull=False).count() == 1
