"""Commands in this process, on the real engine's verbs, without anybody who runs functions."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from orchestrator.engine.runtime import Runtime, current, install
from tests.console.factories import make_function

Run = Callable[..., str]


@pytest.fixture
def sender(transactional_db: None) -> Iterator[Runtime]:
    """A process that writes and runs no functions, with functions that another process runs."""
    former = install(None)
    make_function("ship-order", triggers=[{"event": "order/placed"}])
    make_function("pack-parcel", kind="task", triggers=[])
    runtime = current()
    yield runtime
    runtime.journal.close()
    install(former)


@pytest.fixture
def manage() -> Run:
    """Runs a command as ``manage.py`` would; what it prints on standard output."""

    def run(*words: str, **options: Any) -> str:
        out, notes = StringIO(), StringIO()
        call_command(*words, stdout=out, stderr=notes, **options)
        return out.getvalue().rstrip("\n")

    return run
