"""GitHub's deliveries: who signed them, what becomes of them, and what is refused."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from examples.models import Commit, Mail
from examples.stories import PUSH
from orchestrator.engine.host import EngineHost
from orchestrator.models import Event, Run, RunEvent
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "It's a Secret to Everybody"


@pytest.fixture
def github(engine: EngineHost, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client that brings no CSRF token, as GitHub does not; the secret is set."""
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
    return Client(enforce_csrf_checks=True)


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def deliver(
    client: Client, payload: object = PUSH, *, kind: str = "push", id: str = "72d3162e", signature: str | None = None
) -> HttpResponse:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {"X-GitHub-Event": kind, "X-GitHub-Delivery": id, "X-Hub-Signature-256": signature or sign(body)}
    return client.post("/webhooks/github", body, content_type="application/json", headers=headers)


def runs_of(event: str) -> list[Run]:
    return list(Run.objects.filter(id__in=RunEvent.objects.filter(event=event).values("run")))


def test_githubs_own_example_of_a_signature_is_right() -> None:
    # docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    assert sign(b"Hello, World!") == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_a_push_is_one_event_and_three_runs(github: Client) -> None:
    answer = deliver(github)
    assert answer.status_code == 202
    event = json.loads(answer.content)["event"]
    assert Event.objects.get().id == event
    eventually(lambda: all(run.ended_at for run in runs_of(event)))
    assert {run.function: run.status for run in runs_of(event)} == dict.fromkeys(
        ["record-commits", "review-messages", "announce-push"], "completed"
    )
    assert {commit.author for commit in Commit.objects.all()} == {"Ada", "Charles"}
    assert {mail.to: mail.text for mail in Mail.objects.all()} == {
        "charles@example.com": "The first line is a headline: it needs no full stop.",
        "team@example.com": "- Compute Bernoulli numbers\n- Mend the carry of the mill.",
    }


def test_a_delivery_that_comes_again_starts_nothing(github: Client) -> None:
    first, second = (json.loads(deliver(github).content) for _ in range(2))
    assert first == second
    assert Event.objects.count() == 1
    assert len(runs_of(first["event"])) == 3


def test_a_push_to_another_branch_is_not_announced(github: Client) -> None:
    event = json.loads(deliver(github, PUSH | {"ref": "refs/heads/spike"}).content)["event"]
    assert {run.function for run in runs_of(event)} == {"record-commits", "review-messages"}


def test_a_ping_is_stored_and_starts_nothing(github: Client) -> None:
    assert deliver(github, {"zen": "Design for failure."}, kind="ping").status_code == 202
    assert Event.objects.get().name == "github/ping"
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "signature",
    [
        sign(json.dumps(PUSH).encode(), "another secret"),
        sign(b"another body"),
        sign(json.dumps(PUSH).encode()).removeprefix("sha256="),
        "sha1=" + "0" * 40,
        "sha256=",
        "ÿ",
    ],
)
def test_a_wrong_signature_is_refused(github: Client, signature: str) -> None:
    assert deliver(github, signature=signature).status_code == 401
    assert not Event.objects.exists()


def test_no_signature_is_refused(github: Client) -> None:
    body = json.dumps(PUSH)
    headers = {"X-GitHub-Event": "push"}
    answer = github.post("/webhooks/github", body, content_type="application/json", headers=headers)
    assert answer.status_code == 401
    assert not Event.objects.exists()


def test_nothing_is_taken_without_a_secret(github: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WEBHOOK_SECRET")
    answer = deliver(github, signature=sign(json.dumps(PUSH).encode(), ""))
    assert answer.status_code == 503
    assert "GITHUB_WEBHOOK_SECRET" in answer.content.decode()


@pytest.mark.parametrize(
    "payload, kind, status",
    [
        (b"payload=%7B%7D", "push", 400),  # a form
        ([1, 2], "push", 400),
        (b"[" * 5000, "push", 400),
        (PUSH, "", 400),
        (PUSH, "x" * 600, 400),
        (PUSH | {"filler": "x" * 3_000_000}, "push", 413),
    ],
)
def test_what_is_no_delivery_is_refused(github: Client, payload: Any, kind: str, status: int) -> None:
    assert deliver(github, payload, kind=kind).status_code == status
    assert not Event.objects.exists()


def test_only_post_is_answered(github: Client) -> None:
    assert github.get("/webhooks/github").status_code == 405


def test_long_and_crowded_messages_are_advised_on(github: Client) -> None:
    commits = [
        {"id": "a" * 40, "message": "x" * 73, "author": {"name": "Ada"}},
        {"id": "b" * 40, "message": "Mend the mill\nat once", "author": {"name": "Ada"}},
        {"id": "c" * 40, "message": "Mend the mill\n\nAt once.", "author": {"name": "Ada"}},
    ]
    event = json.loads(deliver(github, PUSH | {"commits": commits}).content)["event"]
    eventually(lambda: all(run.ended_at for run in runs_of(event)))
    assert sorted(Mail.objects.filter(to="Ada").values_list("text", flat=True)) == [
        "Leave the second line empty, so that tools know the headline.",
        "The first line has 73 characters; 72 fit everywhere.",
    ]
