"""A real engine for a test: its functions, its threads, the database of the suite."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
from django.conf import settings
from django.test import override_settings

from orchestrator.engine.host import EngineHost, start_engine
from orchestrator.engine.journal import failpoints
from orchestrator.sdk.registry import registry


class StartEngine(Protocol):
    """Options are those of ``settings.ORCHESTRATOR``."""

    def __call__(self, **options: Any) -> EngineHost: ...


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
    """Starts the engine, after the test has declared its functions. It is drained at the end of the test."""
    with ExitStack() as stack:

        def begin(**options: Any) -> EngineHost:
            stack.enter_context(override_settings(ORCHESTRATOR=settings.ORCHESTRATOR | options))
            host = start_engine()
            stack.callback(host.drain)
            return host

        yield begin


@pytest.fixture
def failpoint() -> Iterator[Callable[[str], None]]:
    """Arms failpoints for this test only."""
    yield failpoints.arm
    failpoints.arm("")
