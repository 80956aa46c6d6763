"""Commands beside a running engine, as in a second terminal: what they send, it does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.running import Shell
from tests.eventually import eventually
from tests.live import LiveServer

JOBS = """
from orchestrator import Context, NonRetriableError, SyncTaskContext, function, task


@task()
def pack(ctx: SyncTaskContext, order: int) -> str:
    if order < 0:
        raise NonRetriableError("there is no such order")
    return ctx.step.run("label", "#{}".format, order)


@function(on="order/placed")
async def approve(ctx: Context[dict]) -> str:
    approval = await ctx.step.wait_for_signal("approval", timeout="1 day")
    return approval["by"]
"""


@pytest.fixture
def shell(tmp_path: Path, start_server: Callable[..., LiveServer], database_url: str | None) -> Shell:
    (tmp_path / "terminal_jobs.py").write_text(JOBS)
    env = {"PYTHONPATH": str(tmp_path), "SIGNALBOX_FUNCTIONS": "terminal_jobs", "SIGNALBOX_EXAMPLES": "off"}
    server = start_server(**env)
    return Shell(server.home, env | ({"DATABASE_URL": database_url} if database_url else {}))


def test_a_second_terminal_works_with_the_running_engine(shell: Shell) -> None:
    assert shell.answer("trigger", "pack", "--data", "-", "--wait", "30", stdin='{"order": 7}') == '"#7"'
    failed = shell("trigger", "pack", "--data", '{"order": -1}', "--wait", "30")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1].endswith("has failed: NonRetriableError: there is no such order")

    event_id = shell.answer("send_event", "order/placed", "--data", '{"order": 1}')
    runs = json.loads(shell.answer("runs", "list", "--event-id", event_id, "--json"))
    id = runs[0]["id"]
    shell.answer("signal", id, "approval", "--data", '{"by": "Ada"}')

    def output() -> str:
        return json.loads(shell.answer("runs", "show", id, "--json"))["output"]

    assert eventually(output, within_seconds=30, every_seconds=0.5) == "Ada"
    replayed = shell.answer("replay", id)
    shell.answer("cancel", replayed, "--reason", "enough")
    eventually(lambda: "cancelled" in shell.answer("runs", "show", replayed), within_seconds=30, every_seconds=0.5)
    assert "1 running" in shell.answer("doctor")
