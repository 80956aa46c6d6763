"""The schedules page: what it shows of each, and what its buttons do."""

from collections.abc import Iterator

import pytest

from orchestrator import Context, Every, function, schedules
from orchestrator.engine.journal.items import Call
from orchestrator.engine.registration import register
from orchestrator.engine.runtime import current, install
from orchestrator.models import Audit, Run, Schedule
from orchestrator.sdk.registry import registry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    """Two schedules; no engine runs, so that runs stay queued."""
    kept = dict(registry._definitions)
    registry._definitions.clear()

    @function(on=Every("15m", tz="Asia/Tokyo"), id="sync")
    async def sync(ctx: Context[object]) -> None: ...

    former = install(None)
    runtime = current()
    runtime.commit(Call(lambda tx: register(tx, list(registry))))
    runtime.refresh_catalog()
    schedules.put("for-ada", "sync", Every("1h"))
    yield
    runtime.journal.close()
    install(former)
    registry._definitions.clear()
    registry._definitions.update(kept)


def test_it_shows_each_schedule_with_its_next_five_moments(visitor):
    page = visitor.get("/schedules")
    ada, sync = page.context["rows"]
    assert (ada.schedule.key, sync.schedule.words) == ("for-ada", "Every 15 m (Asia/Tokyo)")
    assert len(sync.next) == 5
    assert all(moment.wall.endswith("JST") for moment in sync.next)
    assert b'href="/schedules"' in visitor.get("/runs").content


def test_its_buttons_pause_resume_and_run(visitor):
    assert visitor.post("/schedules", {"key": "sync", "verb": "pause", "note": "quiet"}, follow=True).status_code == 200
    assert Schedule.objects.get(slug="sync").note == "quiet"
    assert b"quiet" in visitor.get("/schedules").content
    visitor.post("/schedules", {"key": "sync", "verb": "resume"})
    assert Schedule.objects.get(slug="sync").paused_at is None
    page = visitor.post("/schedules", {"key": "sync", "verb": "trigger"}, follow=True)
    run = Run.objects.get(function="sync")
    assert f"Started run {run.id}" in page.content.decode()
    assert Audit.objects.filter(target="sync").count() == 3
    assert visitor.post("/schedules", {"key": "sync", "verb": "explode"}).status_code == 422
    gone = visitor.post("/schedules", {"key": "ghost", "verb": "pause"}, follow=True)
    assert "no schedule has the key" in gone.content.decode()
