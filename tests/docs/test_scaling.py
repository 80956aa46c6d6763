"""docs/scaling.md: its settings can be set, its SQL is what the program writes, its predictions come out again."""

import re

import pytest
from django.core.management import get_commands

from benchmarks.partition import statements
from benchmarks.simulation import main
from orchestrator.core.retention import parse_retention
from tests.docs.page import ROOT

PAGE = (ROOT / "docs/scaling.md").read_text()
OPTIONS = ["--engine-us", "720", "--row-us", "330", "--commit-us", "1000"]
PREDICTIONS = re.findall(r"^\| ([\d,]+) \| (\d+) \| ([\d,]+) \| ([\d.]+) ms, ([\d.]+) ms \|", PAGE, re.MULTILINE)


def test_the_settings_of_the_page_mean_what_it_says() -> None:
    [settings] = re.findall(r"```python\nRETENTION = (.*?)```", PAGE, re.DOTALL)
    retention = parse_retention(eval(settings))
    short, long = re.findall(r'SIGNALBOX_RETENTION="(.*?)"', PAGE)
    assert parse_retention(short).default.events == parse_retention(short).default.runs
    assert parse_retention(long).default == retention.default
    assert parse_retention(long).of("staging").runs == retention.of("staging").runs
    assert retention.of("staging").runs is not None


def test_the_sql_of_the_page_is_written_by_the_program() -> None:
    [block] = re.findall(r"```sql\n(ALTER TABLE signalbox_attempt RENAME.*?)```", PAGE, re.DOTALL)
    written = [sql for sql in statements("2026-01", 1) if "signalbox_attempt" in sql]
    assert [line.rstrip(";") for line in block.strip().splitlines()] == written


def test_the_commands_of_the_page_exist() -> None:
    named = set(re.findall(r"manage\.py (\w+)", PAGE))
    assert {"prune", "bench"} <= named
    assert named <= set(get_commands())


@pytest.mark.parametrize("rate, engines, ended, p50, p95", [PREDICTIONS[0], PREDICTIONS[-1]])
def test_the_predictions_of_the_page_come_out_again(
    rate: str, engines: str, ended: str, p50: str, p95: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--rate", rate.replace(",", ""), "--workers", engines, *OPTIONS])
    printed = capsys.readouterr().out
    assert f"{ended} runs/s" in printed
    waits = re.search(r"queue wait p50 ([\d.]+) ms, p95 ([\d.]+) ms", printed)
    assert waits is not None
    assert [float(waits[1]), float(waits[2])] == pytest.approx([float(p50), float(p95)], abs=0.6, rel=0.05)


def test_what_tables_hold_adds_up() -> None:
    rows = re.findall(r"^\| `signalbox_\w+` \| (\d+) \| (\d+) \| \d+ \| ([\d,]+) \|", PAGE, re.MULTILINE)
    sizes = [int(size.replace(",", "")) for _, _, size in rows]
    assert sum(sizes) == pytest.approx(3_860, abs=10)
    for count, width, size in zip((row[0] for row in rows), (row[1] for row in rows), sizes, strict=True):
        assert int(count) * int(width) == pytest.approx(size, rel=0.01)
