"""The comparison with peers: how a closed loop counts, what the page shows, and that it shows the latest results."""

import asyncio
import json
from typing import Any

import pytest

from benchmarks.loop import saturate
from benchmarks.memory import own_mb, tree
from benchmarks.peers.systems import SYSTEMS
from benchmarks.percentiles import percentiles
from benchmarks.render import BEGIN, END, LATEST, PAGE, comparison, with_results
from benchmarks.repetition import ROOT

DOCUMENT: dict[str, Any] = {
    "at": "2026-01-01T00:00:00+00:00",
    "took_seconds": 300,
    "machine": {"cpu": "2 x Fast"},
    "size": "full",
    "repetitions": 3,
    "systems": [
        {
            "name": "one",
            "title": "One, SQLite",
            "configuration": "as it comes",
            "versions": {"one": "1.0"},
            "durability": {"database": "SQLite 3", "synchronous": "FULL"},
            "medians": {"w1_50_runs_per_s": 3210.4, "w3_p50_ms": 0.512},
        },
        {"name": "two", "title": "Two", "configuration": "", "missing": "two could not be installed"},
    ],
}


async def test_a_closed_loop_begins_as_many_runs_as_asked_and_never_more_at_once() -> None:
    now, most, begun, settled = 0, 0, 0, []

    async def one() -> None:
        nonlocal now, most, begun
        now, begun = now + 1, begun + 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1

    async def settle(runs: int) -> None:
        settled.append(runs)

    assert await saturate(one, runs=20, in_flight=3, limit_seconds=10, settle=settle) > 0
    assert (begun, settled) == (20, [20])
    assert most == 3


async def test_a_closed_loop_ends_when_its_time_is_over() -> None:
    async def one() -> None:
        return None

    assert await saturate(one, runs=10**9, in_flight=1, limit_seconds=0.01) > 0


def test_percentiles_are_in_milliseconds() -> None:
    assert percentiles("w3", [0.001] * 99 + [0.5], 50) == {"w3_p50_ms": pytest.approx(1.0)}


def test_memory_counts_this_process() -> None:
    assert own_mb() > 5
    assert len(tree(1)) > 1


def test_the_table_has_a_column_a_system_and_says_who_is_missing_and_why() -> None:
    text = comparison(DOCUMENT)
    assert "|  | One<br>SQLite |" in text
    assert "| W1 runs of 1 step, 50 at once (runs/s) | 3,210 |" in text
    assert "| W3 event sent to first line, p50 (ms) | 0.51 |" in text
    assert "- **One, SQLite**: as it comes. SQLite 3, synchronous FULL. one 1.0." in text
    assert "- **Two**: not measured: two could not be installed" in text


def test_results_replace_what_stands_between_the_marks() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    new = with_results(page, DOCUMENT)
    assert new.startswith("before\n")
    assert new.endswith(f"{END}\nafter\n")
    assert "old" not in new
    assert with_results(new, DOCUMENT) == new


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="the page lacks"):
        with_results("no marks", DOCUMENT)


def test_the_page_shows_the_latest_results() -> None:
    page = PAGE.read_text()
    assert with_results(page, json.loads(LATEST.read_text())) == page, "run python -m benchmarks.render"


def test_every_peer_has_its_program() -> None:
    programs = {system.program for system in SYSTEMS} - {None}
    assert programs == {
        path.stem for path in (ROOT / "benchmarks/peers/programs").glob("*.py") if path.stem != "__init__"
    }
