"""Commands beside a running engine, as in a second terminal: what they send, it does."""

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
def dev(tmp_path: Path, start_server: Callable[..., LiveServer], database_url: str | None) -> tuple[LiveServer, Shell]:
    """A running engine with these functions, and a second terminal on the same data."""
    (tmp_path / "terminal_jobs.py").write_text(JOBS)
    env = {"PYTHONPATH": str(tmp_path), "SIGNALBOX_FUNCTIONS": "terminal_jobs", "SIGNALBOX_EXAMPLES": "off"}
    server = start_server(**env)
    return server, Shell(server.home, env | ({"DATABASE_URL": database_url} if database_url else {}))


def test_a_second_terminal_works_with_the_running_engine(dev: tuple[LiveServer, Shell]) -> None:
    server, shell = dev
    assert shell.answer("trigger", "pack", "--data", "-", "--wait", "30", stdin='{"order": 7}') == '"#7"'
    failed = shell("trigger", "pack", "--data", '{"order": -1}', "--wait", "30")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1].endswith("has failed: NonRetriableError: there is no such order")

    event_id = shell.answer("send_event", "order/placed", "--data", '{"order": 1}')
    [run] = server.get(f"/api/v1/events/{event_id}/runs")["data"]
    shell.answer("signal", run["id"], "approval", "--data", '{"by": "Ada"}')
    eventually(lambda: server.get(f"/api/v1/runs/{run['id']}")["output"] == "Ada", within_seconds=30)

    replayed = shell.answer("replay", run["id"])
    shell.answer("cancel", replayed, "--reason", "enough")
    eventually(lambda: server.get(f"/api/v1/runs/{replayed}")["status"] == "cancelled", within_seconds=30)
