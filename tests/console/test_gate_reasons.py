"""Why a run is not let in, what has joined it, and where an event went instead."""

from datetime import timedelta

import pytest
from django.test import Client

from orchestrator.models import Journal, Limit, Run, Slot
from tests.console.factories import NOW, RunBuilder, fresh_id, make_event

pytestmark = pytest.mark.django_db


def lines(visitor: Client, run: Run) -> list[str]:
    return [line.text for line in visitor.get(f"/runs/{run.id}").context["page"].banner.lines]


def at(key: str, **columns: object) -> Run:
    """A run that waits at that limit."""
    Limit.objects.create(key=key, env=1, target=key.partition(":")[2].partition("|")[0], **columns)
    return RunBuilder(gate=key).save("queued")


def test_a_run_at_a_full_limit_tells_how_full_it_is(visitor: Client) -> None:
    key = '1:concurrency:render:0|"acme"'
    run = at(key, size=2)
    for _ in range(2):
        holder = RunBuilder(owner=fresh_id(), fence=1).save("running")
        Slot.objects.create(run=holder.id, key=key, fence=1, at=NOW)
    assert lines(visitor, run) == ['The limit of render for "acme" is full: 2 of 2 run.']


def test_a_run_at_a_shared_limit_names_it(visitor: Client) -> None:
    assert lines(visitor, at("1:named:gpu|null", size=3)) == ["Limit gpu is full: 0 of 3 run."]


def test_a_throttled_run_tells_when_it_is_looked_at_again(visitor: Client) -> None:
    run = at("1:throttle:crawl|null", wake_at=NOW + timedelta(days=3650))
    [line] = visitor.get(f"/runs/{run.id}").context["page"].banner.lines
    assert (line.text, line.until) == (
        "The throttle of crawl lets one in at a time: it is looked at again",
        NOW + timedelta(days=3650),
    )


def test_a_queued_singleton_names_the_run_before_it(visitor: Client) -> None:
    key = "1:singleton:sync|null"
    first = RunBuilder().save("sleeping")
    run = at(key, size=1)
    for one in (run, first):
        Slot.objects.create(run=one.id, key=key, fence=0, at=NOW)
    assert lines(visitor, run) == [f"The singleton of sync: it goes on when run {first.id} has ended."]


@pytest.mark.parametrize(
    "kind, data, told",
    [
        ("run.debounced", {"times": 3}, "Debounced 3\u00a0times: it has the last event."),
        ("run.batched", {"events": 40}, "A batch of 40\u00a0events so far."),
    ],
)
def test_a_delayed_run_tells_what_has_joined_it(visitor: Client, kind: str, data: dict[str, int], told: str) -> None:
    run = RunBuilder(due_at=NOW + timedelta(days=1)).save("delayed")
    Journal.objects.create(run=run.id, seq=900, kind=kind, at=NOW, data=data)
    assert lines(visitor, run) == ["It starts", told]


def test_an_event_that_was_turned_away_leads_to_the_run_that_has_its_place(visitor: Client) -> None:
    run = RunBuilder().save("running")
    event = make_event(skipped=[{"function": "index", "reason": "debounced: event X took its place", "run": run.id}])
    page = visitor.get(f"/events/{event.id}").content.decode()
    assert "debounced: event X took its place" in page
    assert f'href="/runs/{run.id}">Its run</a>' in page
