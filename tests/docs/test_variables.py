"""docs/running.md lists each environment variable that the project reads, and none that it does not."""

import re

from tests.docs.page import ROOT

READERS = ("console/settings.py", "console/environment.py", "console/management/commands/dev.py")
READERS += ("orchestrator/workers/celery.py",)
READ = re.compile(r"(?:environ\.get|flag|listed|number)\(\s*\"([A-Z_]+)\"")
ELSEWHERE = {"GITHUB_WEBHOOK_SECRET", "LLM_BASE_URL"}  # read by examples
DJANGO = {"DJANGO_SETTINGS_MODULE"}


def variables() -> set[str]:
    """Each environment variable that the project reads."""
    return {name for path in READERS for name in READ.findall((ROOT / path).read_text())} - DJANGO


def test_each_variable_is_explained() -> None:
    read = variables()
    assert {"DATABASE_URL", "CHANNEL_LAYER_URL", "WORKER_POOL", "PORT"} <= read
    rows = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", (ROOT / "docs/running.md").read_text(), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"[A-Z_]+", row)}
    assert told - ELSEWHERE == read
