"""A real engine for a test: its functions, its threads, the database of the suite."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from orchestrator.engine import transactions
from orchestrator.engine.host import EngineHost, start_engine
from orchestrator.engine.journal import failpoints
from orchestrator.executors import nursery, outside, process
from orchestrator.sdk import branches
from orchestrator.sdk.registry import registry
from orchestrator.testing import Harness
from tests.engine.processes import declare_jobs


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that runs other tests as well holds code up that is not slow; a test of that warning sets its own."""
    monkeypatch.setattr(branches, "BLOCKED_SECONDS", 60.0)
    monkeypatch.setattr(outside, "LONG_SECONDS", 60.0)
    monkeypatch.setattr(transactions, "SLOW_SECONDS", 60.0)


class StartEngine:
    """Starts an engine with options of ``settings.ORCHESTRATOR``; it is drained at the end of the test, or by it."""

    def __init__(self, at_the_end: ExitStack) -> None:
        self._at_the_end = at_the_end
        self._running: list[EngineHost] = []
        at_the_end.callback(self.drain)

    def __call__(self, **options: Any) -> EngineHost:
        self._at_the_end.enter_context(override_settings(ORCHESTRATOR=settings.ORCHESTRATOR | options))
        host = start_engine()
        self._running.append(host)
        return host

    def drain(self, timeout_seconds: float = 5.0) -> None:
        while self._running:
            self._running.pop().drain(timeout_seconds)


@pytest.fixture
def functions() -> Iterator[None]:
    """Functions that the test declares are forgotten after it; it starts with none."""
    kept = dict(registry._definitions)
    registry._definitions.clear()
    yield
    registry._definitions.clear()
    registry._definitions.update(kept)


@pytest.fixture
def start(transactional_db: None, functions: None) -> Iterator[StartEngine]:
    """To be called after the test has declared its functions."""
    with ExitStack() as at_the_end:
        yield StartEngine(at_the_end)


Begin = Callable[[], Harness]


@pytest.fixture
def begin(functions: None) -> Iterator[Begin]:
    """Makes the test's Harness; to be called after the test has declared its functions."""
    with ExitStack() as at_the_end:
        yield lambda: at_the_end.enter_context(Harness())


@pytest.fixture
def failpoint() -> Iterator[Callable[[str], None]]:
    """Arms failpoints for this test only."""
    yield failpoints.arm
    failpoints.arm("")


@pytest.fixture
def isolating(start: StartEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineHost:
    """An engine with the jobs, whose patience is short."""
    monkeypatch.setattr(nursery, "SAMPLE_SECONDS", 0.05)
    monkeypatch.setattr(process, "TERMINATE_SECONDS", 1.0)
    declare_jobs()
    return start(HOME=tmp_path, SPARE_PROCESS=False)
