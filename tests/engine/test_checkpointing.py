"""On SQLite the engine's writer alone moves the WAL into the database: two at once can corrupt it before 3.51.3."""

import pytest
from django.db import connection

from orchestrator.engine.runtime import current, install
from orchestrator.engine.sql import open_connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does this by itself")
@pytest.mark.parametrize("is_engine", [True, False])
def test_a_process_that_only_sends_leaves_the_wal_alone(is_engine: bool) -> None:
    db = open_connection("default", checkpoints=is_engine)
    [(pages,)] = db.query("PRAGMA wal_autocheckpoint")
    db.close()
    assert (pages > 0) is is_engine


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does this by itself")
def test_the_sender_of_a_process_is_such_a_one() -> None:
    former = install(None)
    try:
        journal = current().journal
        db = journal._connect()  # type: ignore[attr-defined]
        assert db.query("PRAGMA wal_autocheckpoint") == [(0,)]
        db.close()
        journal.close()
    finally:
        install(former)
