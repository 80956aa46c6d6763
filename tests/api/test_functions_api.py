"""Functions over REST: what is registered."""

from datetime import timedelta

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydantic import TypeAdapter

from orchestrator.api import values
from tests.api.asking import get, text
from tests.console.factories import NOW, make_expectation, make_function

pytestmark = pytest.mark.django_db
CONFIG = {
    "retries": {"max_attempts": 4, "initial": 1.0},
    "queue": "mail",
    "doc": "Sends the receipt.",
    "module": "shop.functions",
    "source_file": "/srv/shop/functions.py",
    "payload_schema": {"type": "object"},
}


def test_a_function_is_answered_with_all_that_callers_need(client: Client) -> None:
    condition = "event.data.total > 100"
    triggers = [{"event": "order/placed", "expression": condition}, {"cron": "0 9 * * *", "tz": "UTC"}]
    make_function("send-receipt", name="Send receipt", triggers=triggers, config=CONFIG, version="3")
    answered = get(client, "/functions/send-receipt")
    assert answered == {
        "id": "send-receipt", "name": "Send receipt", "kind": "function",
        "triggers": [{"event": "order/placed", "if": condition}, {"cron": "0 9 * * *", "tz": "UTC"}],
        "retries": {"max_attempts": 4, "initial": 1.0}, "queue": "mail", "doc": "Sends the receipt.",
        "payload_schema": {"type": "object"}, "version": "3", "registered_at": text(NOW), "removed_at": None,
        "expected_within": None, "overdue_since": None, "last_success_at": None,
    }  # fmt: skip
    TypeAdapter(values.Function).validate_json(orjson.dumps(answered))


def test_an_id_may_hold_slashes(client: Client) -> None:
    make_function("send-receipt/on-failure")
    assert get(client, "/functions/send-receipt/on-failure")["id"] == "send-receipt/on-failure"
    assert get(client, "/functions/send-receipt%2Fon-failure")["id"] == "send-receipt/on-failure"
    assert client.get("/api/v1/functions/send-receipt/on-failure/trigger").status_code == 405


def test_functions_are_listed_by_id_without_those_that_are_gone(client: Client) -> None:
    for slug in ("c", "a", "b/x", "B"):
        make_function(slug)
    make_function("gone", removed_at=NOW + timedelta(days=1))
    make_function("elsewhere", env=2)
    page = get(client, "/functions", limit=3)
    rest = get(client, "/functions", limit=3, cursor=page["next_cursor"])
    found = [function["id"] for function in page["data"] + rest["data"]]
    assert sorted(found) == ["B", "a", "b/x", "c"]
    assert len(page["data"]) == 3
    assert rest["next_cursor"] is None
    assert get(client, "/functions/gone")["removed_at"] == text(NOW + timedelta(days=1))


def test_a_list_of_fifty_takes_no_more_queries_than_a_list_of_one(client: Client) -> None:
    make_function("first")
    counts = []
    for start in (0, 1, 50):
        for number in range(start, start * 2):
            make_function(f"f{number}")
            make_expectation(f"f{number}")
        with CaptureQueriesContext(connection) as queries:
            get(client, "/functions", limit=200)
        counts.append(len(queries))
    assert counts[1:] == [3, 3]


def test_what_is_overdue_tells_since_when(client: Client) -> None:
    for slug in ("late", "early", "free"):
        make_function(slug)
    make_expectation("late", watched_from=NOW - timedelta(hours=30), last_success_at=NOW - timedelta(hours=27))
    make_expectation("early", watched_from=NOW - timedelta(hours=30), last_success_at=NOW - timedelta(hours=25))
    late, early, free = (get(client, f"/functions/{slug}") for slug in ("late", "early", "free"))
    assert (late["expected_within"], late["overdue_since"]) == (26 * 3600, text(NOW - timedelta(hours=1)))
    assert (early["overdue_since"], early["last_success_at"]) == (None, text(NOW - timedelta(hours=25)))
    assert (free["expected_within"], free["overdue_since"], free["last_success_at"]) == (None, None, None)


@pytest.mark.parametrize("path", ["/functions/nobody", "/functions/elsewhere"])
def test_an_unknown_function(client: Client, path: str) -> None:
    make_function("elsewhere", env=2)
    answer = client.get(f"/api/v1{path}")
    assert (answer.status_code, orjson.loads(answer.content)["code"]) == (404, "unknown_function")


@pytest.mark.parametrize("id", ["a%00b", "x" * 201])  # what no column takes
def test_what_cannot_be_an_id(client: Client, id: str) -> None:
    answer = client.get(f"/api/v1/functions/{id}")
    assert (answer.status_code, orjson.loads(answer.content)["code"]) == (400, "invalid_id")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=x"])
def test_what_is_wrong_with_a_question_is_refused(client: Client, query: str) -> None:
    assert client.get(f"/api/v1/functions?{query}").status_code == 400
