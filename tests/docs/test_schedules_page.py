"""docs/schedules.md: its functions run on the Harness, its calls against a journal, its request is taken."""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from orchestrator import TaskContext, task
from orchestrator.core.expecting import expected_of
from orchestrator.core.schedules import schedule_of, words
from orchestrator.core.ticking import next_ticks, ticks_within
from orchestrator.engine.journal.items import Call
from orchestrator.engine.registration import register
from orchestrator.engine.runtime import current, install
from orchestrator.models import Audit, Schedule
from orchestrator.sdk.registry import registry
from orchestrator.testing import Harness
from tests.docs.page import ROOT, blocks

DECLARED, EXPECTED, MADE = blocks("docs/schedules.md")
PAGE = (ROOT / "docs" / "schedules.md").read_text()


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """A module for the page's code; what it declares is forgotten afterwards."""
    kept = dict(registry._definitions)
    registry._definitions.clear()
    made = ModuleType("schedules_page")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]
    registry._definitions.clear()
    registry._definitions.update(kept)


def test_its_functions_start_by_themselves(module: ModuleType) -> None:
    DECLARED.run_in(module)
    with Harness(start=datetime(2026, 1, 1, 23, tzinfo=UTC)) as harness:  # a Thursday
        harness.advance("10h")
        outputs = [run.output for run in harness.runs]
    assert outputs.count("news") == 40
    assert outputs.count("all") == 1
    assert outputs.count("2026-01-02T08:00:00.000000Z") == 1


def test_its_function_is_expected_to_complete(module: ModuleType) -> None:
    DECLARED.run_in(module)
    EXPECTED.run_in(module)
    assert expected_of(registry.get("import-orders").config) == timedelta(hours=26)


@pytest.mark.django_db(transaction=True)
def test_its_calls_work(module: ModuleType) -> None:
    @task(id="send-digest")
    async def send_digest(ctx: TaskContext, user: int) -> None: ...

    former = install(None)
    runtime = current()
    try:
        runtime.commit(Call(lambda tx: register(tx, list(registry))))
        runtime.refresh_catalog()
        MADE.run_in(module)
        assert not Schedule.objects.exists()
        assert [each.action.removeprefix("schedule.") for each in Audit.objects.order_by("id")] == [
            "create",
            "pause",
            "resume",
            "trigger",
            "delete",
        ]
    finally:
        runtime.journal.close()
        install(former)


def test_its_request_is_a_schedule() -> None:
    [found] = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    body = json.loads(found)
    timing = {name: value for name, value in body.items() if name not in ("key", "function", "payload")}
    assert words(schedule_of(**timing)) == "At 07:00 (Europe/Paris), with 1 exclusion"


def test_its_moments_are_true() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    offset = schedule_of(every={"seconds": "6h", "offset": "5m"})
    assert [f"{tick:%H:%M}" for tick in next_ticks(offset, start, 2)] == ["00:05", "06:05"]
    berlin = schedule_of(cron="30 2 * * *", tz="Europe/Berlin")
    for day, hour, minute in ((datetime(2026, 3, 29, tzinfo=UTC), 1, 0), (datetime(2026, 10, 25, tzinfo=UTC), 0, 30)):
        assert ticks_within(berlin, day, day.replace(hour=22), 9) == [day.replace(hour=hour, minute=minute)]
