"""Lists of runs: the promised keys, pages and filters, in a constant number of queries."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydantic import TypeAdapter

from orchestrator.api import values
from orchestrator.models import Run, RunEvent
from tests.api.asking import get
from tests.api.test_runs_api import RUN_KEYS
from tests.console.factories import NOW, RunBuilder, fresh_id, make_event

pytestmark = pytest.mark.django_db


def many_runs(count: int) -> list[Run]:
    """Runs that use everything a list shows: events, data, waits."""
    event = make_event()
    return [
        RunBuilder(at=NOW + timedelta(seconds=number))
        .step("load")
        .step("gate", op="wait_for_event", status="waiting", detail={"event": "paid", "match": "data.order == 42"})
        .open_wait("event", "gate", name="paid", due=60)
        .save("waiting", event=event)
        for number in range(count)
    ]


def test_a_list_has_the_same_keys_and_no_steps(client: Client) -> None:
    many_runs(1)
    answered = get(client, "/runs")
    assert answered.keys() == {"data", "next_cursor"}
    [run] = answered["data"]
    assert run.keys() == RUN_KEYS
    assert run["steps"] == []
    TypeAdapter(values.Page[values.Run]).validate_json(orjson.dumps(answered))


def test_a_list_is_paged_from_the_newest_without_gap_or_repeat(client: Client) -> None:
    runs = many_runs(5)
    pages, cursor = [], None
    for _ in range(3):
        answered = get(client, "/runs", limit=2, **({"cursor": cursor} if cursor else {}))
        pages.append([run["id"] for run in answered["data"]])
        cursor = answered["next_cursor"]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [id for page in pages for id in page] == sorted((run.id for run in runs), reverse=True)
    assert cursor is None


def test_a_page_that_is_just_full_is_the_last(client: Client) -> None:
    many_runs(2)
    assert get(client, "/runs", limit=2)["next_cursor"] is None


def test_no_runs_are_an_empty_list(client: Client) -> None:
    assert get(client, "/runs") == {"data": [], "next_cursor": None}


def test_runs_are_filtered(client: Client) -> None:
    event = make_event()
    shipped = RunBuilder("ship-order").save("completed", event=event)
    failed = RunBuilder("ship-order").save("failed")
    queued = RunBuilder("nightly").save("queued")

    def found(**query: Any) -> set[str]:
        return {run["id"] for run in get(client, "/runs", **query)["data"]}

    assert found() == {shipped.id, failed.id, queued.id}
    assert found(event_id=event.id) == found(event_id=event.id.lower()) == {shipped.id}
    assert found(function="ship-order") == {shipped.id, failed.id}
    assert found(status="queued") == {queued.id}
    assert found(status=["failed", "queued"]) == {failed.id, queued.id}
    assert found(function="ship-order", status="queued") == set()
    assert found(event_id=fresh_id()) == set()


@pytest.mark.parametrize("path", ["/runs", "/runs?status=waiting&status=failed&function=process-order", "EVENT/runs"])
def test_a_list_of_fifty_takes_no_more_queries_than_a_list_of_one(client: Client, path: str) -> None:
    many_runs(1)
    counts = []
    for _ in range(2):
        event = RunEvent.objects.first()
        assert event
        address = path.replace("EVENT", f"/events/{event.event}")
        get(client, address)  # the key is known from now on
        with CaptureQueriesContext(connection) as queries:
            get(client, address, **{} if "?" in address else {"limit": 200})
        counts.append(len(queries))
        many_runs(49)
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize(
    "query, code, part",
    [
        ("limit=0", "invalid_input", "limit"),
        ("limit=201", "invalid_input", "limit"),
        ("limit=many", "invalid_input", "limit"),
        ("status=done", "invalid_input", "status"),
        ("status=completed&status=done", "invalid_input", "status.1"),
        ("function=", "invalid_input", "function"),
        ("function=a%00b", "invalid_input", "NUL"),
        ("event_id=nonsense", "invalid_id", "not an id"),
        ("event_id=%00", "invalid_id", "not an id"),
        ("cursor=nonsense", "invalid_cursor", "nonsense"),
        ("cursor=", "invalid_cursor", "cursor"),
        ("cursor=%ff", "invalid_cursor", "cursor"),
    ],
)
def test_what_is_wrong_with_a_question_is_named(client: Client, query: str, code: str, part: str) -> None:
    answer = client.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    problem = orjson.loads(answer.content)
    assert problem["code"] == code
    assert part in problem["detail"]
    assert ("errors" in problem) == (code == "invalid_input")
