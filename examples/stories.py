"""What the console offers to start with one click: the examples and a payload for each. An app's ``stories`` are found
by the console through its AppConfig."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Start:
    """An event to send, a function to call by name, or a signal for a run. ``label`` is what a button says."""

    label: str
    event: str = ""
    function: str = ""
    signal: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """``source`` is the file to read; ``reply`` is what a run of it may wait for."""

    id: str
    title: str
    text: str
    source: str
    start: Start
    reply: Start | None = None


PUSH = {
    "ref": "refs/heads/main",
    "repository": {"full_name": "ada/engine", "default_branch": "main"},
    "pusher": {"name": "ada", "email": "ada@example.com"},
    "commits": [
        {
            "id": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
            "message": "Compute Bernoulli numbers\n\nIn the order of note G.",
            "author": {"name": "Ada", "email": "ada@example.com"},
        },
        {
            "id": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d",
            "message": "Mend the carry of the mill.",
            "author": {"name": "Charles", "email": "charles@example.com"},
        },
    ],
}

STORIES = (
    Story(
        "supply-chain-audit",
        "Supply-chain audit",
        "A child run for each Python package installed here checks its files against what the installer recorded.",
        "examples/functions/supply_chain_audit.py",
        Start("Audit 40 packages", event="audit/requested", data={"limit": 40}),
    ),
    Story(
        "document-analysis",
        "Document analysis",
        "The analysis of a real text fails twice on purpose; only that step is tried again.",
        "examples/functions/document_analysis.py",
        Start("Analyse a licence", event="document/uploaded", data={"document": "license", "fail_times": 2}),
    ),
    Story(
        "onboarding",
        "Onboarding",
        "A new user has a minute to create a project, and is congratulated or offered help.",
        "examples/functions/onboarding.py",
        Start(
            "Sign Ada up", event="user/signed_up", data={"email": "ada@example.com", "name": "Ada", "pause": "1 minute"}
        ),
        Start(
            "Create her project", event="user/project.created", data={"email": "ada@example.com", "project": "Engine"}
        ),
    ),
    Story(
        "invoice",
        "Invoice",
        "The bank is busy, then its answer is lost: the charge is tried three times and booked once.",
        "examples/functions/invoice.py",
        Start(
            "Invoice an order",
            event="order/completed",
            data={"order": 7, "email": "ada@example.com", "amount_cents": 4200, "bank": {"busy": 1, "lost": 1}},
        ),
    ),
    Story(
        "census-by-steps",
        "Fan-out by steps",
        "A thousand files, a step each, fifty at a time.",
        "examples/functions/fan_out.py",
        Start("Count in 1,000 steps", event="census/by-steps", data={"files": 1000}),
    ),
    Story(
        "census-by-runs",
        "Fan-out by child runs",
        "The same thousand files, a run of its own each.",
        "examples/functions/fan_out.py",
        Start("Count in 1,000 runs", event="census/by-runs", data={"files": 1000}),
    ),
    Story(
        "research-agent",
        "Research agent",
        "It sends out four readers side by side, looks at what they bring, and goes on until it knows enough.",
        "examples/functions/research_agent.py",
        Start(
            "Ask a question",
            event="research/requested",
            data={"question": "How is a lost connection or a timeout handled?", "enough": 20},
        ),
    ),
    Story(
        "publish-article",
        "Publish with approval",
        "The run waits a week for a person's answer, which may come from here, from its page, or from outside.",
        "examples/functions/publish_article.py",
        Start(
            "Submit an article",
            event="article/submitted",
            data={"title": "Notes", "text": "On the Analytical Engine.", "author": "ada@example.com"},
        ),
        Start("Approve it", signal="approval", data={"approved": True, "by": "Grace"}),
    ),
    Story(
        "github-push",
        "GitHub webhook",
        "One push starts three functions. GitHub's own deliveries come signed to /webhooks/github.",
        "examples/functions/github_push.py",
        Start("Push two commits", event="github/push", data=PUSH),
    ),
    Story(
        "nightly-report",
        "Nightly report",
        "Runs at half past two in Berlin by itself, and now if you like.",
        "examples/functions/nightly_report.py",
        Start("Run it now", function="nightly-report"),
    ),
)
