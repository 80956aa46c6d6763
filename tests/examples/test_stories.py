"""Every example that the console offers: a click starts it, on the real engine."""

import pytest
from django.test import Client

from examples.models import Article, Mail
from examples.stories import STORIES, Story
from orchestrator.engine.host import EngineHost
from orchestrator.models import Event, Run, RunEvent
from tests.docs.page import ROOT
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)

RESTING = {"onboarding": "waiting", "publish-article": "waiting"}  # the others end by themselves
OF_ITS_OWN = {"census-by-steps", "census-by-runs"}  # a thousand items: tests/examples/test_fan_out.py


@pytest.fixture
def visitor(engine: EngineHost) -> Client:
    """Somebody on this machine, signed in automatically."""
    return Client(REMOTE_ADDR="127.0.0.1")


def started_by(address: str) -> list[Run]:
    """The runs that the page which a click leads to is about."""
    kind, id = address.strip("/").split("/")
    ids = [id] if kind == "runs" else list(RunEvent.objects.filter(event=id).values_list("run", flat=True))
    return list(Run.objects.filter(id__in=ids))


def click(visitor: Client, story: str, **fields: str) -> str:
    answer = visitor.post(f"/examples/{story}", fields)
    assert answer.status_code == 302
    return str(answer["location"])


@pytest.mark.parametrize(
    "story", [story for story in STORIES if story.id not in OF_ITS_OWN], ids=lambda story: story.id
)
def test_a_click_starts_a_story(visitor: Client, story: Story) -> None:
    address = click(visitor, story.id)
    assert visitor.get(address).status_code == 200
    expected = {RESTING.get(story.id, "completed")}
    eventually(lambda: {run.status for run in started_by(address)} == expected, within_seconds=60)
    assert len(started_by(address)) == (3 if story.id == "github-push" else 1)


def test_a_click_sends_what_a_story_waits_for(visitor: Client) -> None:
    [onboarding] = started_by(click(visitor, "onboarding"))
    eventually(lambda: Run.objects.filter(id=onboarding.id, status="waiting"))
    assert click(visitor, "onboarding", reply="1") == f"/runs/{onboarding.id}"
    assert Event.objects.filter(name="user/project.created", source="console").exists()
    eventually(lambda: Run.objects.filter(id=onboarding.id, status="sleeping"))
    assert [mail.subject for mail in Mail.objects.order_by("id")] == ["Welcome, Ada!", "Engine looks good!"]


def test_a_click_approves_what_waits_for_approval(visitor: Client) -> None:
    [article] = started_by(click(visitor, "publish-article"))
    eventually(lambda: Run.objects.filter(id=article.id, status="waiting"))
    assert click(visitor, "publish-article", reply="1") == f"/runs/{article.id}"
    eventually(lambda: Run.objects.filter(id=article.id, status="completed"))
    assert Article.objects.get().approved_by == "Grace"


def test_a_reply_that_no_run_waits_for_is_not_sent(visitor: Client) -> None:
    address = click(visitor, "onboarding", reply="1")
    assert "No run waits for user/project.created now: start Onboarding first." in visitor.get(address).content.decode()
    assert not Event.objects.exists()


def test_the_page_shows_each_story_with_its_payload_and_its_source(visitor: Client) -> None:
    page = visitor.get("/examples").content.decode()
    for story in STORIES:
        assert f'action="/examples/{story.id}"' in page
        assert (ROOT / story.source).is_file()
    assert "&quot;fail_times&quot;: 2" in page
    assert 'href="/examples" aria-current="page"' in page


def test_there_is_no_story_that_nobody_wrote(visitor: Client) -> None:
    assert visitor.post("/examples/memoirs").status_code == 404
    assert visitor.post("/examples/invoice", {"reply": "1"}).status_code == 404
    assert visitor.get("/examples/invoice").status_code == 405
    assert not Run.objects.exists()
