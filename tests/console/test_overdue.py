"""Functions that should have completed by now: on the list and on their page."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestrator.core.pausing import Paused, PauseKind
from orchestrator.models import Pause
from tests.console.factories import NOW, make_expectation, make_function

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = NOW - timedelta(hours=30)
CONFIG = {"expected_within_seconds": 26 * 3600}


def make_late(slug: str = "nightly-report") -> None:
    make_function(slug, config=CONFIG | {"doc": "Sums up the day."})
    make_expectation(slug, watched_from=LONG_AGO, last_success_at=NOW - timedelta(hours=28))


def test_what_is_overdue_is_told_on_the_list_and_on_its_page(visitor: Client) -> None:
    make_late()
    make_function("other")
    late, other = visitor.get("/functions").context["found"].rows
    assert (late.overdue_since, other.overdue_since) == (NOW - timedelta(hours=2), None)
    assert visitor.get("/functions").content.decode().count("overdue since") == 1
    page = visitor.get("/functions/nightly-report/").content.decode()
    assert "no run has completed within 1 d 2 h, as the code expects" in page
    assert "The last one did" in page
    assert "to complete within 1 d 2 h" in page
    assert "Overdue" not in visitor.get("/functions/other/").content.decode()


def test_one_that_never_completed_says_so(visitor: Client) -> None:
    make_function("new", config=CONFIG)
    make_expectation("new", watched_from=LONG_AGO)
    assert "None has so far." in visitor.get("/functions/new/").content.decode()


def test_what_is_paused_or_gone_is_not_overdue(visitor: Client) -> None:
    make_late()
    make_function("gone", config=CONFIG, removed_at=NOW)
    make_expectation("gone", watched_from=LONG_AGO)
    paused = Paused(1, PauseKind.FUNCTION, "nightly-report")
    Pause.objects.create(key=paused.key, env=1, kind=paused.kind, name=paused.name, at=NOW)
    assert "overdue since" not in visitor.get("/functions").content.decode()
    for slug in ("nightly-report", "gone"):
        assert "Overdue" not in visitor.get(f"/functions/{slug}/").content.decode()


def test_the_list_asks_as_many_queries_for_many_expectations_as_for_one(visitor: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert visitor.get("/functions").status_code == 200
        return len(captured)

    make_late()
    queries()
    one = queries()
    for n in range(30):
        make_late(f"report-{n}")
    assert queries() == one
