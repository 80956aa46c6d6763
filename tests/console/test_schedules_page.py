"""The schedules page: what it shows of each, and what its buttons do."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from orchestrator import Context, Every, function, schedules
from orchestrator.engine.journal.items import Call
from orchestrator.engine.registration import register
from orchestrator.engine.runtime import current, install
from orchestrator.models import Audit, Run, Schedule, ScheduleTick
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


BACKFILL = "/schedules/backfill?key=sync"
RANGE = {"first": "2026-01-05T09:00", "last": "2026-01-05T10:00", "overlap": "allow"}


def test_a_backfill_tells_its_ticks_before_it_starts_them(visitor):
    """In the zone of the schedule: nine in Tokyo is midnight in London."""
    page = visitor.post(BACKFILL, RANGE | {"preview": "1"})
    assert page.context["plan"].number == page.context["plan"].to_start == 5
    assert page.context["plan"].ticks[0].moment.wall == "Mon 2026-01-05 09:00:00 JST"
    assert not Run.objects.exists()

    answer = visitor.post(BACKFILL, RANGE, follow=True)
    assert "Backfilled sync: 5 started." in answer.content.decode()
    assert Run.objects.count() == 5
    ticks = ScheduleTick.objects.order_by("at").values_list("at", flat=True)
    assert ticks[0] == datetime(2026, 1, 5, tzinfo=UTC)
    assert Audit.objects.get(action="schedule.backfill").actor == "dev"

    again = visitor.post(BACKFILL, RANGE | {"last": "2026-01-05T10:15", "preview": "1"})
    assert (again.context["plan"].number, again.context["plan"].to_start) == (6, 1)
    assert (
        "1 started, 5 had runs before"
        in visitor.post(BACKFILL, RANGE | {"last": "2026-01-05T10:15"}, follow=True).content.decode()
    )


def test_a_backfill_begins_with_the_last_day(visitor):
    page = visitor.get(BACKFILL)
    assert page.context["plan"].number in (96, 97)
    assert page.context["plan"].more > 50
    assert "Asia/Tokyo" in page.content.decode()


@pytest.mark.parametrize(
    "changes, field, said",
    [
        ({"first": ""}, "first", "Where does the range begin?"),
        ({"first": "noon"}, "first", "This is no moment"),
        ({"last": "0001-01-01T00:00"}, "last", "too far away"),
        ({"last": "2026-01-04T09:00"}, "last", "before the beginning"),
        ({"last": "2027-01-05T09:00"}, "last", "more than 1000 ticks"),
        ({"overlap": "never"}, "overlap", "not one of the available choices"),
    ],
)
def test_what_is_wrong_with_a_backfill_stands_at_its_field_and_nothing_is_lost(visitor, changes, field, said):
    answer = visitor.post(BACKFILL, RANGE | changes)
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors[field])
    page = answer.content.decode()
    assert f'value="{(RANGE | changes)["first"]}"' in page
    assert not Run.objects.exists()


def test_a_pause_says_why(visitor):
    visitor.post("/schedules/pause?key=for-ada", {"note": "on holiday"}, follow=True)
    assert Schedule.objects.get(slug="for-ada").note == "on holiday"
    long = visitor.post("/schedules/pause?key=for-ada", {"note": "x" * 501})
    assert long.status_code == 422
    assert "at most 500" in long.content.decode()


def test_keys_that_look_like_addresses_have_forms_too(visitor):
    for key in ("a/b?c=d&e", "../x", "50 %", "ä"):
        schedules.put(key, "sync", Every("1h"))
        page = visitor.get("/schedules").content.decode()
        address = re.search(rf'href="(/schedules/backfill\?key={re.escape(quote(key, safe=""))})"', page)
        assert address is not None
        assert visitor.get(address[1]).context["schedule"].slug == key
    for path in ("backfill", "pause"):
        assert visitor.get(f"/schedules/{path}?key=ghost").status_code == 404
        assert visitor.get(f"/schedules/{path}?key=a%00b").status_code == 404
        assert visitor.get(f"/schedules/{path}").status_code == 404
