"""Runs that a limit holds back tell which, and how full it is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestrator.models import Limit, Run, Slot
from tests.api.asking import get, text
from tests.console.factories import NOW, RunBuilder, fresh_id

pytestmark = pytest.mark.django_db


def at(key: str, **columns: object) -> Run:
    """A run that waits at that limit."""
    Limit.objects.get_or_create(key=key, defaults={"env": 1, "target": key.partition(":")[2], **columns})
    return RunBuilder(gate=key).save("queued")


def taken(key: str, place: int = 1, **columns: object) -> None:
    holder = RunBuilder(**columns).save("running")
    Slot.objects.create(run=holder.id, key=key, fence=place, at=NOW)


@pytest.mark.parametrize(
    "key, columns, told",
    [
        (
            '1:concurrency:render:0|"acme"',
            {"size": 2},
            'limit of render for "acme", which is full: 1 of 2 run',
        ),
        ("1:named:gpu|null", {"size": 3}, "limit gpu, which is full: 1 of 3 run"),
        (
            "1:throttle:crawl|null",
            {"wake_at": NOW + timedelta(minutes=1)},
            f"throttle of crawl, until {text(NOW + timedelta(minutes=1))}",
        ),
    ],
)
def test_a_held_run_tells_what_holds_it(client: Client, key: str, columns: dict[str, object], told: str) -> None:
    run = at(key, **columns)
    taken(key, owner=fresh_id(), fence=1)
    assert get(client, f"/runs/{run.id}")["waiting_for"] == [told]
    assert get(client, "/runs?status=queued")["data"][0]["waiting_for"] == [told]


def test_places_of_runs_that_nobody_holds_do_not_count_but_a_singletons_does(client: Client) -> None:
    limit, singleton = "1:named:gpu|null", "1:singleton:sync|null"
    runs = [at(limit, size=1), at(singleton, size=1)]
    taken(limit)
    taken(singleton, place=0)
    told = [get(client, f"/runs/{run.id}")["waiting_for"][0] for run in runs]
    assert told == ["limit gpu, which is full: 0 of 1 run", "singleton of sync, which is full: 1 of 1 run"]


def test_a_page_of_held_runs_asks_as_often_as_one(client: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            get(client, "/runs")
        return len(queries)

    at("1:named:gpu|null", size=1)
    asked()  # what it finds out once, it knows from then on
    one = asked()
    for n in range(5):
        at(f"1:concurrency:render:0|{n}", size=1)
    assert asked() == one
