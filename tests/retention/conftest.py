"""Old runs made from rows, and walks over them on the engine's own kind of connection."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice

import pytest

from orchestrator.engine.retention import Deleted, Pace, Plan, Sweep
from orchestrator.engine.sql import Connection, open_connection
from orchestrator.models import Environment
from tests.console.factories import make_function

MONTH = timedelta(days=30)
Walk = Callable[..., Deleted]


@pytest.fixture
def db(transactional_db: None) -> Iterator[Connection]:
    Environment.objects.get_or_create(id=1, defaults={"name": "default"})
    make_function("process-order")
    connection = open_connection("default", checkpoints=False)
    yield connection
    connection.close()


@pytest.fixture
def walk(db: Connection) -> Walk:
    """Walks through a plan, to its end or for so many steps; what was deleted."""

    def run(plan: Plan, *, steps: int | None = None, pace: Pace | None = None) -> Deleted:
        total = Deleted()
        for step in islice(Sweep(db, plan, pace).steps(), steps):
            total = Deleted(*map(sum, zip(total, step, strict=True)))
        return total

    return run
