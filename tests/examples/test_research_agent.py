"""The agent reads until it knows enough."""

from collections import Counter

import pytest

from examples.functions.research_agent import READERS, ROUNDS, ResearchRequested, plan
from examples.library import Passage, best, choose_sources, widen
from orchestrator.models import Run
from tests.examples.conftest import RunOf

QUESTION = "How is a lost connection or a timeout handled?"


@pytest.mark.django_db(transaction=True)
def test_readers_work_side_by_side_and_the_report_quotes_them(run_of: RunOf) -> None:
    run = run_of(ResearchRequested(question=QUESTION, enough=1))
    assert run.status == "completed", run.error
    assert Counter(step.id.partition(":")[0] for step in run.steps) == {
        "plan": 1, "choose-sources": 1, "read-source": READERS, "write-report": 1,
    }  # fmt: skip
    assert run.output["by"] == "this machine"
    assert run.output["text"].startswith(f"# {QUESTION}\n\n[1] ")
    assert all("timeout" in note["text"].lower() or note["score"] >= 1 for note in run.output["passages"])
    children = Run.objects.filter(parent=run.id)
    assert children.count() == READERS


@pytest.mark.django_db(transaction=True)
def test_who_does_not_know_enough_reads_on_with_wider_terms(run_of: RunOf) -> None:
    run = run_of(ResearchRequested(question=QUESTION, enough=10_000))
    assert run.status == "completed", run.error
    outputs = {step.id: step.output for step in run.steps}
    assert len([step for step in outputs if step.startswith("choose-sources")]) == ROUNDS
    chosen = [name for step, output in outputs.items() if step.startswith("choose-sources") for name in output]
    assert len(chosen) == len(set(chosen)) == ROUNDS * READERS
    assert set(outputs["widen"]) > set(outputs["plan"])


def test_a_plan_is_what_carries_meaning_in_the_question() -> None:
    assert plan(QUESTION) == ["lost", "connection", "timeout", "handled"]


def test_sources_are_those_that_speak_of_it() -> None:
    assert choose_sources(["celery"], [], 1) == ["celery"]
    assert "celery" not in choose_sources(["celery"], ["celery"], 100)
    assert choose_sources(["wordthatnobodyuses"], [], 3) == []


def test_the_best_paragraphs_hold_most_of_the_terms() -> None:
    filler = "and so on, for as long as it takes to be a paragraph that is worth quoting at all"
    text = f"a timeout {filler}\n\na timeout of a connection {filler}\n\nnothing {filler}\n\ntimeout"
    found = best("lib", [("readme", text)], ["timeout", "connection"])
    assert [passage.score for passage in found] == [2, 1]


def test_terms_widen_by_what_was_found() -> None:
    passage = Passage("lib", "readme", "retry retry backoff timeout", 1)
    assert widen(["timeout"], [passage]) == ["timeout", "retry", "backoff"]
