"""Filters of lists of runs: by event name, by time, by the text of the error."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client

from orchestrator.api.queries import run_filter
from orchestrator.core.moments import iso
from orchestrator.models import Run
from tests.api.asking import get
from tests.console.factories import NOW, RunBuilder, make_event

pytestmark = pytest.mark.django_db


def found(client: Client, **query: Any) -> list[str]:
    return [run["id"] for run in get(client, "/runs", **query)["data"]]


@pytest.mark.parametrize("rare", [1_000, 1])  # events few enough to begin with, and too many
def test_runs_of_an_event_name(client: Client, monkeypatch: pytest.MonkeyPatch, rare: int) -> None:
    monkeypatch.setattr(run_filter, "RARE", rare)
    first, second = (RunBuilder().save(event=make_event("order/placed")) for _ in range(2))
    RunBuilder().save(event=make_event("order/paid"))
    RunBuilder().save(event=make_event("order/placed", env=2))
    RunBuilder(trigger="call").save()
    assert found(client, event_name="order/placed") == [second.id, first.id]
    assert found(client, event_name="order/") == []


def run_at(hours_ago: float) -> Run:
    return RunBuilder(at=NOW - timedelta(hours=hours_ago)).save()


def test_runs_of_a_time_from_its_first_millisecond_to_before_its_last(client: Client) -> None:
    old, middle, new = run_at(5), run_at(3), run_at(1)
    assert found(client, since="2h") == [new.id]
    assert found(client, until="2h", since="4 hours") == [middle.id]
    assert found(client, since=iso(middle.queued_at)) == [new.id, middle.id]
    assert found(client, until=iso(middle.queued_at)) == [old.id]
    assert found(client, until=iso(middle.queued_at + timedelta(milliseconds=1))) == [middle.id, old.id]


@pytest.mark.parametrize(
    "since", ["1970-01-01", "0001-01-01", "30000 days", "2020-01-01T00:00", "2020-01-01T00:00-05:00"]
)
def test_however_early_a_moment_is_it_is_a_moment(client: Client, since: str) -> None:
    run = run_at(1)
    assert found(client, since=since) == [run.id]
    assert found(client, until=since) == []


ERRORS = [
    {"type": "ValueError", "message": 'no "such" order\nin 100% of_all', "traceback": "File shop.py, in charge"},
    {"type": "PaymentDown", "message": "größer als erlaubt, \0", "traceback": ""},
]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("valueerror", [0]),  # in any case
        ("ValueError: no", [0]),  # as lists show it
        ('no "such" order', [0]),
        ("order\nin", [0]),
        ("100%", [0]),
        ("100_", []),  # no wildcard
        ("%", [0]),
        ("of_all", [0]),
        ("größer", [1]),
        ("o", [1, 0]),
        ("shop.py", []),  # in the traceback
        ("message", []),  # a key of the stored JSON
        ("type", []),
        ("\\", []),
    ],
)
def test_runs_by_the_text_of_their_error(client: Client, text: str, expected: list[int]) -> None:
    runs = [RunBuilder().save("failed", error=error) for error in ERRORS]
    RunBuilder().save("completed", output="ValueError")
    assert found(client, error=text) == [runs[index].id for index in expected]


def test_filters_are_combined(client: Client) -> None:
    event = make_event("order/placed")
    wanted = RunBuilder("pay").save("failed", event=event, error=ERRORS[0])
    RunBuilder("pay").save("cancelled", event=event, error=ERRORS[0])
    RunBuilder("ship").save("failed", event=event, error=ERRORS[0])
    assert found(
        client, event_name="order/placed", function="pay", status="failed", since="1h", error="ValueError"
    ) == [wanted.id]


@pytest.mark.parametrize(
    "query, code",
    [
        ("since=yesterday", "invalid_moment"),
        ("since=", "invalid_moment"),
        ("until=2026-13-01", "invalid_moment"),
        ("until=9999-12-31T23:00-05:00", "invalid_moment"),
        ("since=%00", "invalid_moment"),
        ("since=-5m", "invalid_moment"),
        ("since=2026", "invalid_moment"),  # a year, or seconds ago?
        ("event_name=", "invalid_input"),
        ("error=", "invalid_input"),
        ("error=a%00b", "invalid_input"),
        (f"error={'x' * 256}", "invalid_input"),
    ],
)
def test_a_bad_filter_is_refused(client: Client, query: str, code: str) -> None:
    answer = client.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 400
    assert orjson.loads(answer.content)["code"] == code
