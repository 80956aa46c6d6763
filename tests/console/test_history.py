import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from console.presenters.history import KIND_WORDS, PAGE_SIZE
from orchestrator.models import Journal, Run
from tests.console.factories import NOW, RunBuilder, append_step

pytestmark = pytest.mark.django_db


def long_run(number: int) -> Run:
    """A run whose journal has ``number`` entries: every tenth a retry, the others completed steps."""
    run = RunBuilder().save("completed")
    Journal.objects.filter(run=run.id).delete()
    Journal.objects.bulk_create(
        Journal(
            run=run.id, seq=seq, kind="step.retrying" if seq % 10 == 0 else "step.completed", key=f"step-{seq}",
            number=1, at=NOW + timedelta(milliseconds=seq), data={"seq": seq},
        )
        for seq in range(1, number + 1)
    )  # fmt: skip
    run.seq = number
    run.save()
    return run


def walk(visitor: Client, path: str, direction: str, joint: str = "?") -> list[int]:
    """The numbers of all entries from page to page, in the order in which the pages come."""
    seen: list[int] = []
    query = ""
    while True:
        page = visitor.get(path + query).context["history"]
        numbers = [entry.seq for entry in page.entries]
        seen = seen + numbers if direction == "later" else numbers + seen
        beyond = getattr(page, direction)
        if beyond is None:
            return seen
        query = f"{joint}{'after' if direction == 'later' else 'before'}={beyond}"


def test_the_history_tells_when_what_happened_and_who_did_it(visitor: Client):
    run = RunBuilder().retried("charge", 1).save("completed")
    Journal.objects.create(
        run=run.id, seq=9, kind="signal.received", at=NOW, data={"name": "go", "actor": "ada", "data": {"a": 1}}
    )
    page = visitor.get(f"/runs/{run.id}/history")
    entries = page.context["history"].entries
    assert [entry.word for entry in entries[:2]] == ["Queued", "Started"]
    last = entries[-1]
    assert (last.word, last.actor, [(fact.name, fact.value) for fact in last.facts]) == (
        "Signal received", "ada", [("name", "go"), ("data", '{"a":1}')],
    )  # fmt: skip
    assert f"/runs/{run.id}?step=charge&amp;attempt=2" in page.content.decode()


def test_pages_of_a_long_history_have_each_entry_once(visitor: Client):
    run = long_run(650)
    path = f"/runs/{run.id}/history"
    assert walk(visitor, path, "later") == list(range(1, 651))
    last = visitor.get(f"{path}?before=2147483647").context["history"]
    assert ([last.entries[0].seq, last.entries[-1].seq], last.later) == ([651 - PAGE_SIZE, 650], None)


def test_kinds_are_filters_that_add_up_and_keep_their_pages(visitor: Client):
    run = long_run(2_500)
    path = f"/runs/{run.id}/history?kind=step.retrying"
    assert walk(visitor, path, "later", "&") == list(range(10, 2_501, 10))
    kinds = {kind.name: kind for kind in visitor.get(path).context["history"].kinds}
    assert {name: kind.number for name, kind in kinds.items()} == {"step.completed": 2_250, "step.retrying": 250}
    assert kinds["step.completed"].href == "?kind=step.retrying&kind=step.completed"
    assert kinds["step.retrying"].href == "?"
    assert visitor.get(f"{path}&kind=step.completed").context["history"].number == 2_500


def test_a_page_asks_as_many_queries_for_two_thousand_entries_as_for_ten(visitor: Client):
    def queries(run: Run) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert visitor.get(f"/runs/{run.id}/history").status_code == 200
        return len(captured)

    visitor.get("/runs")
    assert queries(long_run(10)) == queries(long_run(2_000))


def test_rows_that_came_since_are_those_of_the_page(visitor: Client):
    run = RunBuilder().step("a").save("running")
    append_step(run, "b", at=NOW)
    rows = visitor.get(f"/runs/{run.id}/history/rows?after={run.seq - 1}").content.decode()
    assert rows.count("<tr") == 1
    assert "?step=b" in rows
    assert "<tr" not in visitor.get(f"/runs/{run.id}/history/rows?after={run.seq}").content.decode()
    assert "<tr" not in visitor.get(f"/runs/{run.id}/history/rows?kind=run.failed").content.decode()


def test_the_file_has_the_whole_history(visitor: Client):
    run = long_run(2_500)
    answer = visitor.get(f"/runs/{run.id}/history.json")
    data = json.loads(answer.content)
    assert (data["run"], len(data["entries"])) == (run.id, 2_500)
    assert data["entries"][9] == {
        "seq": 10, "at": (NOW + timedelta(milliseconds=10)).isoformat(), "kind": "step.retrying", "step": "step-10",
        "attempt": 1, "actor": None, "data": {"seq": 10},
    }  # fmt: skip
    assert run.id in answer["Content-Disposition"]


@pytest.mark.parametrize("query", ["after=-1", "after=99999999999999999999", "before=%00", "kind=%00&after=²"])
def test_what_is_no_page_is_the_first_one(visitor: Client, query: str):
    run = RunBuilder().step("a").save()
    page = visitor.get(f"/runs/{run.id}/history?{query}")
    assert page.status_code == 200
    assert page.context["history"].entries[0].seq == 1


def test_every_kind_that_the_engine_writes_has_words_and_a_glyph(visitor: Client):
    run = RunBuilder().save()
    Journal.objects.filter(run=run.id).delete()
    for seq, kind in enumerate([*KIND_WORDS, "step.of_tomorrow"], 1):
        Journal.objects.create(run=run.id, seq=seq, kind=kind, at=NOW)
    page = visitor.get(f"/runs/{run.id}/history").content.decode()
    assert all(word in page for word in [*KIND_WORDS.values(), "step.of_tomorrow"])
