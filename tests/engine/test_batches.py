"""Group commit: a batch that fails is split, one of unknown outcome is asked for, a cut connection is made again."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Event
from typing import Any

import psycopg
import pytest
from django.db import connection

from orchestrator.core.errors import EngineUnavailable, InvalidInput
from orchestrator.engine.claiming import WITH_MESSAGES
from orchestrator.engine.journal.items import Call, Ingest
from orchestrator.engine.resuming import resume
from orchestrator.models import Attempt, Run, Worker
from orchestrator.models import Event as EventModel
from tests.engine.reading import assert_dense, kinds, steps
from tests.engine.writers import (
    Session,
    engine_connection,
    event_start,
    insert,
    new_run,
    rest,
    sessions,
    step_done,
    wait_for,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("transactional_db")]


@pytest.fixture
def session() -> Iterator[Session]:
    with sessions(1) as (one,):
        yield one


@pytest.fixture
def counting(session: Session) -> Session:
    """One whose worker row tells the outcome of a commit, as on PostgreSQL."""
    session.journal._counts_batches = True
    session.journal.number_of_batches = 0
    return session


def in_one_batch(session: Session, items: list[Any]) -> "list[Future[Any]]":
    busy, go = Event(), Event()

    def hold(tx: Any) -> None:
        busy.set()
        go.wait(30)

    session.journal.submit(Call(hold))
    assert busy.wait(30)
    futures = [session.journal.submit(item) for item in items]
    go.set()
    return futures


def test_a_batch_with_one_bad_row_commits_the_others(session: Session) -> None:
    runs = insert(session, [new_run(session.id) for _ in range(3)])
    session.submit(step_done(runs[1], 1, "twice"))
    futures = in_one_batch(session, [step_done(run, 1, "twice") for run in runs])

    for n in (0, 2):
        futures[n].result(10)
    assert "unique" in str(futures[1].exception(10)).lower()
    for run in runs:
        assert steps(run) == {"twice": ["completed"]}
        assert kinds(run) == ["run.queued", "step.completed"]
        assert_dense(run)


def test_an_error_of_our_own_in_one_call_leaves_the_batch_whole(session: Session) -> None:
    [run] = insert(session, [new_run(session.id)])

    def refuses(tx: Any) -> None:
        raise InvalidInput("no")

    first, second, third = in_one_batch(session, [step_done(run, 1, "a"), Call(refuses), step_done(run, 1, "b")])
    first.result(10)
    third.result(10)
    with pytest.raises(InvalidInput):
        second.result(10)
    assert set(steps(run)) == {"a", "b"}


def test_many_steps_of_one_run_in_one_batch_are_numbered_in_their_order(session: Session) -> None:
    [run] = insert(session, [new_run(session.id)])
    for future in in_one_batch(session, [step_done(run, 1, f"s{n}") for n in range(50)]):
        future.result(10)
    assert_dense(run)
    assert Attempt.objects.filter(run=run).count() == 50


@pytest.mark.postgres
@pytest.mark.parametrize("point", ["before_commit", "after_commit", "after_release"])
def test_a_connection_cut_around_a_commit_loses_and_doubles_nothing(
    counting: Session, failpoint: Callable[[str], None], point: str
) -> None:
    [run] = insert(counting, [new_run(counting.id)])
    for n in range(10):
        failpoint(f"{point}=cut@1")
        counting.submit(step_done(run, 1, f"s{n}"))
    failpoint("")

    assert len(steps(run)) == 10
    assert kinds(run) == ["run.queued", *["step.completed"] * 10]
    assert_dense(run)
    assert Worker.objects.get(id=counting.id).batch == counting.journal.number_of_batches


@pytest.mark.postgres
def test_events_whose_commit_was_cut_are_stored_once(counting: Session, failpoint: Callable[[str], None]) -> None:
    sent = []
    for point in ("before_commit", "after_commit") * 3:
        failpoint(f"{point}=cut@1")
        [start] = counting.submit(Ingest([event_start("e", {})]))
        sent.append(start.ref)
    failpoint("")

    assert sorted(sent) == sorted(EventModel.objects.values_list("id", flat=True))


@pytest.mark.postgres
def test_a_connection_that_the_server_ends_is_made_again(counting: Session) -> None:
    [run] = insert(counting, [new_run(counting.id)])
    for n in range(5):
        pid = counting.do(lambda tx: tx.db.query("SELECT pg_backend_pid()"))[0][0]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        counting.submit(step_done(run, 1, f"s{n}"))
    assert len(steps(run)) == 5
    assert_dense(run)


@pytest.mark.postgres
def test_a_look_that_is_cut_off_rings_all_the_same(counting: Session, failpoint: Callable[[str], None]) -> None:
    [run] = insert(counting, [new_run(counting.id)])
    failpoint("after_release=cut@1")
    counting.submit(rest(run, 1, wait_for(run, "go")))
    counting.do(lambda tx: None)
    failpoint("")

    assert any(effects.ready or run in effects.inbox_runs for effects in counting.heard)
    taken = counting.do(lambda tx: resume(tx, tx.db.claim(WITH_MESSAGES, [], tx.owner, tx.now, 5), {}))
    assert taken == []


def test_a_session_whose_row_is_gone_is_told_so_and_the_journal_goes_on(counting: Session) -> None:
    [run] = insert(counting, [new_run(counting.id)])
    Worker.objects.all().delete()
    with pytest.raises(Exception, match="taken for dead"):
        counting.submit(step_done(run, 1, "late"))
    assert counting.lost == [counting.id]
    assert steps(run) == {}
    insert(counting, [new_run(counting.id)])
    assert Run.objects.count() == 2


@pytest.mark.postgres
@pytest.mark.parametrize(
    "code, message, told",
    [
        ("53100", "no space left on device", EngineUnavailable),  # whoever asked may ask again
        ("23514", "rows that break a rule", psycopg.errors.CheckViolation),
        ("54000", "a row too large for its index", psycopg.errors.ProgramLimitExceeded),  # never tried again
    ],
)
def test_an_error_that_leaves_the_connection_whole_is_told_to_its_item_alone(
    counting: Session, code: str, message: str, told: type[Exception]
) -> None:
    [run] = insert(counting, [new_run(counting.id)])

    def fails(tx: Any) -> None:
        tx.db.run(f"DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{code}'; END $$")

    first, second = in_one_batch(counting, [Call(fails), step_done(run, 1, "s")])
    second.result(10)
    with pytest.raises(told):
        first.result(10)
    assert steps(run) == {"s": ["completed"]}


@pytest.mark.postgres
def test_an_item_whose_lock_is_taken_for_long_waits_and_the_others_go_on(counting: Session) -> None:
    [run] = insert(counting, [new_run(counting.id)])
    failures = ["55P03", "40P01"]  # lock_timeout, deadlock

    def unlucky(tx: Any) -> str:
        if failures:
            tx.db.run(f"DO $$ BEGIN RAISE EXCEPTION 'lock' USING ERRCODE = '{failures.pop()}'; END $$")
        return "in the end"

    first, second = in_one_batch(counting, [Call(unlucky), step_done(run, 1, "s")])
    second.result(10)
    assert first.result(10) == "in the end"


@pytest.mark.postgres
def test_a_transaction_that_fails_at_any_statement_leaves_the_connection_ready() -> None:
    """Statements are sent before the answers to earlier ones have come: the failure is heard of at any later moment."""
    with engine_connection() as db:
        for behind in range(60):
            told, committing = None, False
            db.begin()
            try:
                db.run("INSERT INTO signalbox_environment (id, name) VALUES (1, 'again')")
                for n in range(behind):
                    db.run("SELECT pg_sleep(0)" if n % 7 else "UPDATE signalbox_run SET seq = seq")
                committing = True  # which cleans up by itself
                db.commit()
            except psycopg.errors.UniqueViolation as error:
                told = error
                if not committing:
                    db.rollback()
            assert told is not None
            db.begin()
            assert db.query("SELECT 1") == [(1,)]
            db.commit()


def test_rows_of_one_batch_need_not_fill_the_same_columns(session: Session) -> None:
    runs = insert(session, [new_run(session.id) for _ in range(4)])
    failed = '{"type":"ValueError","message":"no"}'
    items = [step_done(run, 1, "a") for run in runs]
    items[1].rows = [row._replace(output=None, error=failed) for row in items[1].rows]
    items[3].rows = [row._replace(reused=True, output=None) for row in items[3].rows]
    for future in in_one_batch(session, items):
        future.result(10)

    found = [Attempt.objects.get(run=run, key="a") for run in runs]
    assert [attempt.output is None for attempt in found] == [False, True, False, True]
    assert [attempt.error and attempt.error["type"] for attempt in found] == [None, "ValueError", None, None]
    assert [attempt.reused for attempt in found] == [False, False, False, True]
