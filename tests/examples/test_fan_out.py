"""A thousand items by steps and by child runs, on the real engine."""

from pathlib import Path

import pytest

from examples.census import Count, add_up, count_lines, python_files
from examples.functions.fan_out import CensusByRuns, CensusBySteps, count_file
from orchestrator.models import Attempt, Run
from tests.examples.conftest import RunOf

pytestmark = pytest.mark.django_db(transaction=True)
FILES = 1000


def test_a_thousand_files_are_counted_in_a_step_each(run_of: RunOf) -> None:
    run = run_of(CensusBySteps())
    assert run.status == "completed", run.error
    assert run.output["files"] == FILES
    assert run.output["code"] > FILES
    steps = Attempt.objects.filter(run=run.id, op="run").exclude(key="list-files")
    assert steps.filter(status="completed").count() == FILES


def test_a_thousand_files_are_counted_in_a_run_each(run_of: RunOf) -> None:
    run = run_of(CensusByRuns())
    assert run.status == "completed", run.error
    assert run.output["files"] == FILES
    assert Run.objects.filter(parent=run.id, function=count_file.id, status="completed").count() == FILES


def test_lines_are_counted_by_what_is_on_them(tmp_path: Path) -> None:
    (tmp_path / "engine.py").write_text('"""The mill."""\n\n# carry\nmill = 1\n')
    assert count_lines(str(tmp_path / "engine.py")) == Count(code=2, comments=1, blank=1)
    assert add_up([Count(2, 1, 1), Count(1, 0, 0)]).code == 3


def test_files_come_in_an_order_that_stays() -> None:
    files = python_files(1000)
    assert files[:5] == python_files(5)
    assert "django/db/models/query.py" in files
