"""When the network or the server fails: the same call again under the same key, or a clear error."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from orchestrator.client import (
    ApiError,
    Conflict,
    ConnectionFailed,
    Event,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
    UnexpectedAnswer,
)
from orchestrator.core.errors import Unserialisable
from tests.client.faces import AsyncFace, BlockingFace, Face, Faults, ok, refused

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
LOST = httpx.ReadError("the connection was lost")
SAFE_CALLS: list[tuple[str, tuple[Any, ...], Callable[[Any], str], Any]] = [
    ("send", ("order/placed", {"order": 1}), lambda body: body[0]["id"], {"ids": [RUN]}),
    ("trigger", ("charge", {"order": 1}), lambda body: body["idempotency_key"], {"run_id": RUN}),
    ("signal", (RUN, "decision", "yes"), lambda body: body["key"], {"run_id": RUN}),
    ("replay", (RUN,), lambda body: body["key"], {"run_id": RUN}),
]


@pytest.fixture(params=[BlockingFace, AsyncFace], ids=["sync", "async"])
def face(request: pytest.FixtureRequest) -> Face:
    made: Face = request.param()
    return made


@pytest.mark.parametrize("method, args, key_of, answer", SAFE_CALLS, ids=[call[0] for call in SAFE_CALLS])
@pytest.mark.parametrize(
    "fault",
    [
        LOST,
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut off"),
        refused(503, "unavailable"),
        refused(500, "internal"),
        httpx.Response(502, text="<html>bad gateway</html>"),
        refused(429, "too_many", **{"Retry-After": "0"}),
    ],
    ids=lambda fault: str(getattr(fault, "status_code", type(fault).__name__)),
)
def test_a_call_is_repeated_under_its_own_key(
    face: Face, method: str, args: tuple[Any, ...], key_of: Callable[[Any], str], answer: Any, fault: Any
) -> None:
    faults = Faults([fault, fault, ok(answer)])
    face.call(method, *args, faults=faults)
    assert len(faults.bodies) == 3
    assert len({key_of(body) for body in faults.bodies}) == 1
    again = Faults([ok(answer)])
    face.call(method, *args, faults=again)
    assert key_of(again.bodies[0]) != key_of(faults.bodies[0])


@pytest.mark.parametrize("method, args, key_of, answer", SAFE_CALLS[1:], ids=[call[0] for call in SAFE_CALLS[1:]])
def test_a_key_of_the_callers_own_is_used(
    face: Face, method: str, args: tuple[Any, ...], key_of: Callable[[Any], str], answer: Any
) -> None:
    face.call(method, *args, key="order-42", faults=(faults := Faults([ok(answer)])))
    assert key_of(faults.bodies[0]) == "order-42"


def test_each_of_many_events_has_an_id(face: Face) -> None:
    faults = Faults([LOST, ok({"ids": [RUN, RUN]})])
    face.call("send_many", [Event("a", {}), Event("b", {}, id="mine")], faults=faults)
    first, again = faults.bodies
    assert first == again
    assert first[1]["id"] == "mine"
    assert len(first[0]["id"]) == 32


def test_no_events_are_no_request(face: Face) -> None:
    assert face.call("send_many", [], faults=(faults := Faults([LOST]))) == []
    assert not faults.asked


@pytest.mark.parametrize(
    "fault, raised",
    [
        (LOST, ConnectionFailed),
        (refused(503, "unavailable"), ServerError),
        (refused(429, "too_many"), RateLimited),
    ],
)
def test_it_gives_up_after_its_tries(face: Face, fault: Any, raised: type[Exception]) -> None:
    faults = Faults([fault])
    with pytest.raises(raised) as caught:
        face.call("trigger", "charge", faults=faults)
    assert len(faults.asked) == 4
    assert caught.value.attempts == 4  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "status, code, raised",
    [
        (400, "invalid_event", InvalidRequest),
        (401, "unauthorized", Unauthorized),
        (403, "forbidden", Forbidden),
        (404, "unknown_function", NotFound),
        (409, "run_ended", Conflict),
        (413, "too_large", InvalidRequest),
    ],
)
def test_a_refusal_is_not_asked_again(face: Face, status: int, code: str, raised: type[ApiError]) -> None:
    faults = Faults([refused(status, code, "no such thing")])
    with pytest.raises(raised) as caught:
        face.call("trigger", "charge", faults=faults)
    assert len(faults.asked) == 1
    error = caught.value
    assert type(error) is raised
    assert (error.status, error.code, error.detail) == (status, code, "no such thing")


def test_the_fields_that_are_wrong_are_named(face: Face) -> None:
    answer = httpx.Response(
        400,
        json={
            "status": 400,
            "detail": "body data: Field required",
            "code": "invalid_input",
            "index": 3,
            "errors": [{"location": "body", "field": "data", "message": "Field required"}],
        },
    )
    with pytest.raises(InvalidRequest) as caught:
        face.call("trigger", "charge", faults=Faults([answer]))
    [fault] = caught.value.errors
    assert (fault.location, fault.field, fault.message) == ("body", "data", "Field required")
    assert caught.value.index == 3


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>another site</html>"),
        httpx.Response(200, json={"ids": [1]}),
        httpx.Response(302, headers={"Location": "/login"}),
    ],
)
def test_an_answer_of_something_else_is_no_answer(face: Face, answer: httpx.Response) -> None:
    with pytest.raises(UnexpectedAnswer):
        face.call("trigger", "charge", faults=Faults([answer]))


def test_what_is_no_json_is_not_sent(face: Face) -> None:
    faults = Faults([ok({"run_id": RUN})])
    for value in (float("nan"), {1, 2}, b"bytes", object()):
        with pytest.raises(Unserialisable):
            face.call("trigger", "charge", {"value": value}, faults=faults)
    assert not faults.asked


class TestCancel:
    def test_a_lost_answer_and_an_ended_run_are_a_cancelled_run(self, face: Face) -> None:
        faults = Faults([LOST, refused(409, "run_ended"), ok(run_as("cancelled"))])
        face.call("cancel", RUN, "wrong order", faults=faults)
        assert [request.method for request in faults.asked] == ["POST", "POST", "GET"]

    def test_unless_it_ended_by_itself(self, face: Face) -> None:
        faults = Faults([LOST, refused(409, "run_ended"), ok(run_as("completed"))])
        with pytest.raises(Conflict):
            face.call("cancel", RUN, faults=faults)

    def test_a_run_that_had_ended_is_a_conflict(self, face: Face) -> None:
        with pytest.raises(Conflict):
            face.call("cancel", RUN, faults=(faults := Faults([refused(409, "run_ended")])))
        assert len(faults.asked) == 1


def run_as(status: str, **fields: Any) -> dict[str, Any]:
    """A run as the API answers it."""
    moment = "2026-01-01T09:00:00.000000Z"
    run = {"id": RUN, "function": "charge", "status": status, "trigger": "call", "event_ids": [], "input": None}
    run |= {"output": None, "error": None, "waiting_for": [], "queued_at": moment, "started_at": None}
    run |= {"ended_at": None, "parent_run_id": None, "replay_of": None, "tags": [], "steps": [], "news": "ignored"}
    return run | fields
