"""Documents summarised by a model over HTTP, in both of the usual APIs, on good days and bad ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from examples import language_model
from examples.documents import Document
from examples.functions.document_analysis import DocumentUploaded
from examples.functions.research_agent import ResearchRequested
from examples.language_model import endpoint, retry_after
from examples.models import Analysis
from examples.summaries import summarise, weightiest
from orchestrator import NonRetriableError
from orchestrator.testing import Harness, HarnessRun
from tests.examples.conftest import RunOf
from tests.examples.model_server import Answer, ModelServer

LETTER = Document("A letter", "The mill computes. It is fed with cards, and its store keeps what it found.")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.close()


@pytest.fixture
def api() -> str:
    """Errors are answered alike, so most tests need one API only."""
    return "openai"


@pytest.fixture
def model(server: ModelServer, api: str, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    """The server, configured as a deployment would."""
    base = f"{server.url}/v1" if api == "openai" else server.url
    for name, value in {"BASE_URL": base, "API": api, "MODEL": "small-1", "API_KEY": "k3y"}.items():
        monkeypatch.setenv(f"LLM_{name}", value)
    return server


@pytest.fixture
def harness(db: None) -> Iterator[Harness]:
    with Harness(database="default", stubs={"extract-text": LETTER}) as harness:
        yield harness


def upload(harness: Harness) -> HarnessRun:
    [run] = harness.send(DocumentUploaded())
    return run


@pytest.mark.parametrize("api", ["openai", "anthropic"])
@pytest.mark.django_db(transaction=True)
def test_a_model_summarises_on_the_real_engine(model: ModelServer, api: str, run_of: RunOf) -> None:
    run = run_of(DocumentUploaded())
    assert run.status == "completed", run.error
    saved = Analysis.objects.get(run=run.id)
    assert (saved.summary, saved.summarised_by) == ("A summary by small-1.", "small-1")
    [asked] = model.asked
    assert asked.body["messages"][0]["content"].endswith("</document>")
    match api:
        case "openai":
            assert (asked.path, asked.headers["authorization"]) == ("/v1/chat/completions", "Bearer k3y")
        case "anthropic":
            assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", "k3y")
            assert asked.headers["anthropic-version"] == "2023-06-01"
            assert asked.body["max_tokens"] > 0


def test_too_many_requests_come_back_when_they_may(model: ModelServer, harness: Harness) -> None:
    model.coming.append(Answer(429, {"error": "slow down"}, {"Retry-After": "120"}))
    run = upload(harness)
    assert run.status == "retrying"
    harness.advance("119s")
    assert len(model.asked) == 1
    harness.advance("1s")
    assert (run.status, run.steps["summarise"].attempts) == ("completed", 2)
    assert run.steps["analyse"].attempts == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, "oops"),
        Answer(529, {"type": "error", "error": {"type": "overloaded_error"}}),
        Answer(503, "busy", {"Retry-After": "soon"}),  # says nothing that can be read
        Answer(429, "slow down"),
        Answer(broken=True),
        Answer(200, "<html>a proxy says hello</html>"),
        Answer(200, {"choices": [], "content": None}),
    ],
    ids=lambda answer: f"{answer.status} {answer.body}"[:24],
)
def test_what_may_pass_is_tried_again(model: ModelServer, harness: Harness, answer: Answer) -> None:
    model.coming.append(answer)
    run = upload(harness)
    harness.advance("10s")
    assert (run.status, run.steps["summarise"].attempts) == ("completed", 2), run.error


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_cannot_pass_is_not_tried_again(model: ModelServer, harness: Harness, status: int) -> None:
    model.coming.append(Answer(status, {"error": {"message": "no such model: small-1"}}))
    run = upload(harness)
    assert (run.status, run.steps["summarise"].attempts) == ("failed", 1)
    assert f"answered {status}" in (run.error or "")
    assert "no such model: small-1" in (run.error or "")
    assert not Analysis.objects.exists()


def test_a_model_that_takes_too_long_is_asked_again(
    model: ModelServer, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model, "PATIENCE", 0.1)
    model.coming.append(Answer(late=True))
    run = upload(harness)
    assert "ReadTimeout" in (run.steps["summarise"].error or "")
    harness.advance("10s")
    assert (run.status, run.steps["summarise"].attempts) == ("completed", 2)


def test_a_model_that_never_answers_fails_the_run(model: ModelServer, harness: Harness) -> None:
    model.coming.extend([Answer(500, "oops")] * 6)
    run = upload(harness)
    harness.advance("1 hour")
    assert (run.status, run.steps["summarise"].attempts) == ("failed", 6)


def test_the_key_is_nowhere_in_what_is_stored(model: ModelServer, harness: Harness) -> None:
    model.coming.append(Answer(401, "who are you?"))
    run = upload(harness)
    assert run.status == "failed"
    assert "k3y" not in f"{run.error} {run.logs} {run.steps} {endpoint()!r}"


@pytest.mark.django_db(transaction=True)
def test_the_agents_report_is_written_by_the_model(model: ModelServer, run_of: RunOf) -> None:
    run = run_of(ResearchRequested(question="How are timeouts handled?", enough=1))
    assert (run.output["text"], run.output["by"]) == ("A summary by small-1.", "small-1")
    assert "[1] " in model.asked[0].body["messages"][0]["content"]


def test_without_an_endpoint_this_machine_chooses_sentences() -> None:
    text = "A mill computes numbers in large engines. Some say so in other places too. Numbers, engines!"
    assert summarise(text).by == "this machine"
    assert weightiest(text, most=1) == ["A mill computes numbers in large engines."]


@pytest.mark.parametrize(
    "variables, url",
    [
        ({}, None),
        ({"BASE_URL": "https://api.openai.com/v1"}, "https://api.openai.com/v1/chat/completions"),
        ({"BASE_URL": "http://127.0.0.1:11434/v1/"}, "http://127.0.0.1:11434/v1/chat/completions"),
        ({"BASE_URL": "https://api.anthropic.com"}, "https://api.anthropic.com/v1/messages"),
        ({"BASE_URL": "https://api.anthropic.com/v1"}, "https://api.anthropic.com/v1/messages"),
        ({"BASE_URL": "https://models.example.com", "API": "anthropic"}, "https://models.example.com/v1/messages"),
    ],
)
def test_an_address_is_enough_to_know_the_api(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str | None
) -> None:
    for name, value in {"MODEL": "small-1", **variables}.items():
        monkeypatch.setenv(f"LLM_{name}", value)
    found = endpoint()
    assert (found and found.url) == url


@pytest.mark.parametrize("variables", [{"MODEL": ""}, {"MODEL": "small-1", "API": "telepathy"}])
def test_half_a_configuration_is_told(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in {"BASE_URL": "https://models.example.com", **variables}.items():
        monkeypatch.setenv(f"LLM_{name}", value)
    with pytest.raises(NonRetriableError, match="LLM_"):
        endpoint()


@pytest.mark.parametrize(
    "header, seconds",
    [
        ("120", 120),
        ("1.5", 1.5),
        ("0", 0),
        ("-3", 0),
        ("Mon, 01 Jun 2026 12:00:30 GMT", 30),
        ("Mon, 01 Jun 2026 11:00:00 GMT", 0),  # it is time already
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after(header, NOW) == (None if seconds is None else timedelta(seconds=seconds))
