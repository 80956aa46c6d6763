"""What was deleted is missed in clear words: by the console, the API, and ``manage.py prune`` says what it did."""

from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from orchestrator.api.queries.events import get_event
from orchestrator.api.queries.runs import get_run
from orchestrator.conf import settings as engine_settings
from orchestrator.core.errors import EventNotFound, InvalidDuration, RunNotFound
from orchestrator.core.retention import Kept, Retention, as_json, parse_retention
from orchestrator.engine.sql import Connection
from orchestrator.models import Audit, Event
from tests.console.factories import NOW, fresh_id, make_event, make_function
from tests.retention.rows import OLD, make_run, runs

DAY = timedelta(days=1)


def keeping(retention: object) -> override_settings:
    return override_settings(ORCHESTRATOR=settings.ORCHESTRATOR | {"RETENTION": retention})


@pytest.mark.parametrize(
    "given, kept",
    [
        (None, Kept()),
        ("forever", Kept()),
        ("30 days", Kept(30 * DAY, 30 * DAY)),  # events as runs, logs with their runs
        ({"runs": "30 days", "events": "90 days"}, Kept(30 * DAY, 90 * DAY)),
        ({"runs": "30 days", "events": None, "logs": "1 day"}, Kept(30 * DAY, None, DAY)),
        ("runs=30 days, logs=1d", Kept(30 * DAY, 30 * DAY, DAY)),
    ],
)
def test_what_a_project_may_write(given: object, kept: Kept) -> None:
    assert parse_retention(given) == Retention(kept)


def test_an_environment_keeps_as_the_others_what_it_does_not_name() -> None:
    retention = parse_retention("runs=30d, logs=7d, staging.runs=3d, tests.logs=1h")
    assert retention.of("staging") == Kept(3 * DAY, 3 * DAY, 7 * DAY)
    assert retention.of("tests") == Kept(30 * DAY, 30 * DAY, timedelta(hours=1))
    assert retention.of("default") == Kept(30 * DAY, 30 * DAY, 7 * DAY)


@pytest.mark.parametrize("wrong", ["0 days", "a month", {"run": "1 day"}, "steps=3d", {"environments": "3d"}])
def test_what_cannot_be_meant_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidDuration):
        parse_retention(wrong)
    with keeping(wrong), pytest.raises(ImproperlyConfigured, match="RETENTION"):
        engine_settings()


def test_a_functions_own_length_is_in_its_configuration() -> None:
    assert as_json(None) == {}
    assert as_json("forever") == {"retention": None}
    assert as_json("2 days") == {"retention": 172_800.0}


@pytest.mark.django_db
def test_the_api_says_that_old_runs_and_events_are_deleted() -> None:
    old, young = fresh_id(NOW - OLD), fresh_id()
    with keeping("30 days"):
        with pytest.raises(RunNotFound, match=f"no run has the id {old}: runs are deleted from 30 d after their end"):
            get_run(1, old)
        with pytest.raises(RunNotFound, match=f"no run has the id {young}$"):
            get_run(1, young)
        with pytest.raises(EventNotFound, match="events are deleted from 30 d after they came"):
            get_event(1, old)
    with pytest.raises(RunNotFound, match=f"{old}$"):
        get_run(1, old)
    make_function("chatter", config={"retention": 86_400.0})
    with pytest.raises(RunNotFound, match="runs are deleted from 1 d after their end"):
        get_run(1, old)


@pytest.mark.django_db
def test_the_console_says_it_with_404(admin_client: Client) -> None:
    with keeping("30 days"):
        answer = admin_client.get(f"/runs/{fresh_id(NOW - OLD)}")
    assert answer.status_code == 404
    assert "runs are deleted from 30 d after their end" in answer.content.decode()


def prune(*words: str) -> str:
    out = StringIO()
    call_command("prune", *words, stdout=out)
    return out.getvalue().strip()


@pytest.mark.django_db(transaction=True)
def test_pruning_by_hand_counts_first_and_is_recorded(db: Connection) -> None:
    make_run(event=make_event(at=NOW - OLD), lines=2)
    young = make_run(timedelta(days=1))
    counted = "1 runs, 1 events, 0 log lines of other runs"
    assert prune("--older-than", "30 days", "--dry-run") == f"would delete {counted}"
    assert len(runs()) == 2
    assert not Audit.objects.exists()
    assert prune("--older-than", "30 days") == f"deleted {counted}"
    assert runs() == {young.id}
    assert not Event.objects.exists()
    [record] = Audit.objects.all()
    assert record.action == "retention.prune"
    assert record.after == {"older_than": "30 days", "function": None, "runs": 1, "events": 1, "lines": 0}


@pytest.mark.django_db(transaction=True)
def test_pruning_follows_the_settings_when_nothing_is_said(db: Connection) -> None:
    make_run()
    with pytest.raises(CommandError, match="kept for ever"):
        prune()
    with keeping("30 days"):
        assert prune().startswith("deleted 1 runs")
    with pytest.raises(CommandError, match="no function 'nobody'"):
        prune("--older-than", "1d", "--function", "nobody")
