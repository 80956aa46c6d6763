from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.ops import OpKind, Status
from orchestrator.core.trace import (
    AttemptFacts,
    Phase,
    RunFacts,
    active_us,
    run_span,
    step_spans,
    waited_us,
)

T0 = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def run(status: Status = Status.RUNNING, started: float | None = 1, ended: float | None = None) -> RunFacts:
    return RunFacts(status, T0, None if started is None else at(started), None if ended is None else at(ended))


def attempt(
    key: str,
    status: Status,
    start: float,
    end: float | None = None,
    *,
    number: int = 1,
    op: OpKind = OpKind.RUN,
    **more,
) -> AttemptFacts:
    ended = None if end is None else at(end)
    return AttemptFacts(key, number, op, more.pop("ordinal", 0), status, None, at(start), ended, **more)


def shape(span) -> list[tuple[str, float, float | None]]:
    return [(s.phase.value, s.start_us / 1e6, None if s.end_us is None else s.end_us / 1e6) for s in span.segments]


def test_attempts_of_a_step_lie_end_to_end_with_the_backoff_between():
    [span] = step_spans(
        run(),
        [
            attempt("charge", Status.FAILED, 2, 3, detail={"retry_at": "2026-01-01T09:00:05Z"}),
            attempt("charge", Status.COMPLETED, 5, 6, number=2),
        ],
    )
    assert shape(span) == [("failed", 2, 3), ("backoff", 3, 5), ("completed", 5, 6)]
    assert (span.status, span.attempts) == (Status.COMPLETED, 2)


def test_a_step_between_two_attempts_is_retrying_until_the_run_ends():
    failed = attempt("charge", Status.FAILED, 2, 3, detail={"retry_at": "2026-01-01T09:00:05Z"})
    [waiting] = step_spans(run(), [failed])
    [ended] = step_spans(run(Status.CANCELLED, ended=4), [failed])
    assert waiting.status is Status.RETRYING
    assert shape(waiting)[-1] == ("backoff", 3, None)
    assert ended.status is Status.FAILED
    assert shape(ended)[-1] == ("backoff", 3, 4)


@pytest.mark.parametrize(
    "op, status, phase",
    [
        (OpKind.RUN, Status.RUNNING, Phase.RUNNING),
        (OpKind.SLEEP, Status.SLEEPING, Phase.SLEEP),
        (OpKind.SLEEP, Status.COMPLETED, Phase.SLEEP),  # how it was spent, not how it ended
        (OpKind.WAIT_FOR_EVENT, Status.WAITING, Phase.WAIT),
        (OpKind.WAIT_FOR_EVENT, Status.TIMED_OUT, Phase.TIMED_OUT),
        (OpKind.WAIT_FOR_SIGNAL, Status.COMPLETED, Phase.WAIT),
        (OpKind.WAIT_FOR_SIGNAL, Status.CANCELLED, Phase.WAIT),  # nothing of it was work
        (OpKind.INVOKE, Status.WAITING, Phase.CHILD),
        (OpKind.INVOKE, Status.FAILED, Phase.CHILD),  # the row's status says how the child ended
        (OpKind.TRANSACTION, Status.COMPLETED, Phase.COMPLETED),
        (OpKind.RUN, Status.LOST, Phase.LOST),
        (OpKind.RUN, Status.CANCELLED, Phase.CANCELLED),
    ],
)
def test_the_operation_and_its_status_decide_the_shape(op, status, phase):
    [span] = step_spans(run(), [attempt("s", status, 1, 2, op=op)])
    assert [segment.phase for segment in span.segments] == [phase]


def test_spans_are_in_the_order_of_first_appearance():
    rows = [attempt(key, Status.COMPLETED, 1, 2, ordinal=n) for n, key in [(2, "c"), (0, "z"), (1, "a")]]
    assert [span.key for span in step_spans(run(), rows)] == ["z", "a", "c"]


def test_a_step_reused_by_a_fork_has_no_time_in_the_new_run():
    [span] = step_spans(run(), [attempt("load", Status.COMPLETED, -60, -59, reused=True)])
    assert shape(span) == [("reused", 0, 0)]


def test_an_invoked_run_is_linked_from_its_step():
    detail = {"function": "audit", "run": "01J0000000000000000000000A"}
    [span] = step_spans(run(), [attempt("child", Status.WAITING, 1, op=OpKind.INVOKE, detail=detail)])
    assert (span.child, span.note) == (detail["run"], "audit")


def test_the_run_shows_its_queueing_then_what_goes_on():
    assert shape(run_span(run(Status.QUEUED, started=None), [])) == [("queued", 0, None)]
    assert shape(run_span(run(Status.SLEEPING), [])) == [("queued", 0, 1), ("sleep", 1, None)]
    assert shape(run_span(run(Status.COMPLETED, ended=9), [])) == [("queued", 0, 1), ("completed", 1, 9)]


def test_failed_attempts_of_the_body_stay_on_the_runs_bar():
    own = attempt("", Status.FAILED, 1, 2, op=OpKind.FUNCTION, detail={"retry_at": "2026-01-01T09:00:04Z"})
    again = attempt("", Status.COMPLETED, 4, 6, number=2, op=OpKind.FUNCTION)
    span = run_span(run(Status.COMPLETED, ended=6), [own, again])
    assert shape(span) == [("queued", 0, 1), ("failed", 1, 2), ("backoff", 2, 4), ("completed", 4, 6)]


def test_overlapping_branches_are_counted_once():
    spans = step_spans(
        run(),
        [
            attempt("a", Status.COMPLETED, 1, 4),
            attempt("b", Status.RUNNING, 3, ordinal=1),
            attempt("nap", Status.SLEEPING, 2, op=OpKind.SLEEP, ordinal=2),
        ],
    )
    assert active_us(spans, 6_000_000) == 5_000_000
    assert waited_us(spans, 6_000_000) == 0


def test_time_asleep_is_waiting_not_activity():
    spans = step_spans(
        run(),
        [attempt("a", Status.COMPLETED, 1, 2), attempt("nap", Status.COMPLETED, 2, 9, op=OpKind.SLEEP, ordinal=1)],
    )
    assert active_us(spans, 9_000_000) == 1_000_000
    assert waited_us(spans, 9_000_000) == 7_000_000
