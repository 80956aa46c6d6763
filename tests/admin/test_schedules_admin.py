"""Schedules made, changed, paused, triggered and backfilled in the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from orchestrator import TaskContext, task
from orchestrator.models import Audit, Run, Schedule
from tests.engine.conftest import StartEngine, functions, start
from tests.engine.reading import soon

__all__ = ["functions", "start"]
LIST = "/admin/orchestrator/schedule/"
WHOLE = {"overlap": "skip", "catch_up": "latest", "window": "1 day", "tz": "Europe/Berlin"}


@pytest.fixture
def operator(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


@pytest.fixture
def engine(start: StartEngine) -> None:
    @task()
    async def report(ctx: TaskContext, day: str = "today") -> str:
        return day

    start()


def text(client: Client, path: str, **data: Any) -> str:
    response = client.post(path, data, follow=True) if data else client.get(path)
    assert response.status_code == 200, response.content
    return str(response.content.decode())


def add(client: Client, **data: Any) -> str:
    return text(client, f"{LIST}add/", save="Save", key="nightly", function="report", **(WHOLE | data))


def page_of(schedule: Schedule) -> str:
    return f"{LIST}{schedule.pk}/change/"


def test_a_schedule_is_made_changed_paused_and_deleted_with_all_of_it_on_record(engine: None, operator: Client) -> None:
    assert "The schedule is stored." in add(operator, cron="0 9 * * MON", payload='{"day": "monday"}')
    schedule = Schedule.objects.get()
    assert "only on Monday (Europe/Berlin)" in text(operator, LIST)
    page = page_of(schedule)
    changed = WHOLE | {"cron": "0 10 * * *", "key": "nightly", "function": "report", "save": "Save"}
    assert "At 10:00" in text(operator, page, **changed)
    assert "Paused: holidays" in text(operator, page, pause="1", note="holidays")
    assert "Active" in text(operator, page, resume="1")
    text(operator, page, delete="1")
    assert not Schedule.objects.filter(removed_at=None).exists()
    actions = ["schedule.create", "schedule.update", "schedule.pause", "schedule.resume", "schedule.delete"]
    assert list(Audit.objects.order_by("id").values_list("action", flat=True)) == actions


def test_a_tick_by_hand_runs_the_function_and_a_backfill_counts_first(engine: None, operator: Client) -> None:
    add(operator, cron="0 0 * * *", tz="UTC", overlap="allow", payload='{"day": "monday"}')
    page = page_of(Schedule.objects.get())
    assert "A tick by hand: started" in text(operator, page, trigger="1")
    soon(lambda: Run.objects.filter(status="completed").count() == 1)
    asked = {"first": "2026-01-01T00:00:00Z", "last": "2026-01-03T00:00:00Z"}
    assert "3 ticks, of which 0 had runs." in text(operator, page, count="1", **asked)
    assert Run.objects.count() == 1
    assert "Now 1 were started, 2 wait" in text(operator, page, backfill="1", **asked)  # one after the other
    soon(lambda: Run.objects.filter(status="completed").count() == 4)


@pytest.mark.parametrize(
    "data, said",
    [
        ({"cron": "every day"}, "every day"),
        ({"cron": "0 9 * * *", "tz": "Moon/Base"}, "Moon/Base"),
        ({}, "a schedule needs a time"),
        ({"every": "often"}, "often"),
        ({"cron": "0 9 * * *", "payload": "{"}, "This is no JSON"),
        ({"cron": "0 9 * * *", "payload": '{"night": 1}'}, "night"),
    ],
)
def test_bad_schedules_are_told_and_not_stored(engine: None, operator: Client, data: dict[str, Any], said: str) -> None:
    assert said in add(operator, **data)
    assert not Schedule.objects.exists()


def test_what_is_typed_is_read_back_in_words_with_its_next_times(operator: Client) -> None:
    reading = operator.get(f"{LIST}reading/", {"cron": "30 2 * * *", "tz": "Europe/Berlin"}).json()
    assert reading["words"] == "At 02:30 (Europe/Berlin)"
    assert len(reading["next"]) == 10
    assert "61" in operator.get(f"{LIST}reading/", {"cron": "61 2 * * *"}).json()["error"]
