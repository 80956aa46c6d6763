"""The document analysis from its event to its row, on the real engine."""

import pytest

from examples.documents import find_document
from examples.functions.document_analysis import DocumentUploaded
from examples.models import Analysis
from examples.readability import analyse
from orchestrator.api.values import Run
from tests.examples.conftest import RunOf

pytestmark = pytest.mark.django_db(transaction=True)


def attempts(run: Run) -> dict[str, list[str]]:
    return {step.id: [attempt.status for attempt in step.attempts] for step in run.steps}


def test_a_document_is_extracted_analysed_and_saved(run_of: RunOf) -> None:
    run = run_of(DocumentUploaded(document="readme"))
    assert run.status == "completed", run.error
    assert attempts(run) == {key: ["completed"] for key in ("extract-text", "analyse", "summarise", "save-result")}
    saved = Analysis.objects.get(run=run.id)
    assert (saved.title, saved.words, saved.level) == (
        find_document("readme").title, run.output["words"], run.output["level"],
    )  # fmt: skip
    assert saved.keywords == run.output["keywords"]
    assert saved.words > 1000


def test_only_the_step_that_fails_is_tried_again(run_of: RunOf) -> None:
    run = run_of(DocumentUploaded(fail_times=2))
    assert run.status == "completed", run.error
    assert attempts(run) == {
        "extract-text": ["completed"],
        "analyse": ["failed", "failed", "completed"],
        "summarise": ["completed"],
        "save-result": ["completed"],
    }
    [first, second, _] = run.steps[1].attempts
    assert first.error is not None
    assert (first.error.type, first.error.message) == ("ConnectionError", "failed on purpose, 1 of 2 times")
    assert second.started_at - first.ended_at > first.ended_at - first.started_at
    assert Analysis.objects.filter(run=run.id).count() == 1


def test_an_analysis_that_never_succeeds_saves_nothing(run_of: RunOf) -> None:
    run = run_of(DocumentUploaded(document="memoirs"))
    assert run.status == "failed"
    assert attempts(run) == {"extract-text": ["failed"]}
    assert "no document 'memoirs'; known: license, readme" in run.error.message
    assert not Analysis.objects.exists()


@pytest.mark.parametrize("kind", ["license", "readme"])
def test_every_installation_ships_the_documents(kind: str) -> None:
    reading = analyse(find_document(kind).text)
    assert reading.words > 500
    assert len(reading.keywords) == 10
