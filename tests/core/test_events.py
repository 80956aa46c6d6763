"""Events from outside are read by Inngest's rules; what is wrong is named, with its place in the list."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.codec import decode, encode
from orchestrator.core.errors import InvalidEvent
from orchestrator.core.events import IncomingEvent, ParsedEvents, parse_event_dict, parse_events

MEGABYTE = 2**20
OK = {"name": "shop/paid"}


def parse(body: Any, **limits: int) -> ParsedEvents:
    return parse_events(orjson.dumps(body), **{"max_bytes": MEGABYTE, **limits})


def test_an_event_has_a_name_and_nothing_else_is_needed() -> None:
    assert parse(OK) == ParsedEvents([IncomingEvent("shop/paid", {})], None, is_list=False)


def test_an_event_with_everything_is_read() -> None:
    event = {"name": "a", "data": {"n": 1}, "id": "k", "ts": 1795367318797, "user": {"id": 5}, "v": "2", "other": 1}
    moment = datetime(2026, 11, 22, 17, 8, 38, 797000, tzinfo=UTC)
    assert parse(event).events == [IncomingEvent("a", {"n": 1}, "k", moment, {"id": 5}, "2")]


def test_null_is_as_good_as_missing() -> None:
    event = {"name": "a", "data": None, "id": None, "ts": None, "user": None, "v": None}
    assert parse(event).events == [IncomingEvent("a", {})]


def test_a_list_is_read_in_order_and_known_as_a_list() -> None:
    parsed = parse([{"name": "a"}, {"name": "b"}])
    assert [event.name for event in parsed.events] == ["a", "b"]
    assert parsed.is_list


def test_an_empty_list_is_no_error() -> None:
    assert parse([]) == ParsedEvents([], None, is_list=True)


def test_what_inngest_keeps_for_itself_in_data_is_stripped() -> None:
    assert parse_event_dict({"name": "a", "data": {"_inngest": {"fn_id": "x"}, "n": 1}}).data == {"n": 1}


def test_a_list_stops_at_the_first_bad_event() -> None:
    parsed = parse([{"name": "a"}, {"name": ""}, {"name": "c"}])
    assert [event.name for event in parsed.events] == ["a"]
    assert parsed.error is not None
    assert (str(parsed.error), parsed.error.index, parsed.error.status) == ("event 1: event name is empty", 1, 400)


@pytest.mark.parametrize(
    "event, says",
    [
        ("text", "event is text, not an object"),
        (5, "event is a number, not an object"),
        (None, "event is null, not an object"),
        ({}, "name is missing"),
        ({"name": None}, "name is missing"),
        ({"name": ""}, "name is empty"),
        ({"name": 5}, "name is a number, not text"),
        ({"name": "é" * 257}, "longer than 512 bytes"),  # 514 bytes of UTF-8
        ({"name": "a\x00b"}, "unprintable"),  # PostgreSQL's text cannot hold it
        ({"name": "inngest/function.failed"}, "reserved"),
        ({"name": "InnGest/x"}, "reserved"),  # in any case
        ({"name": "signalbox/x"}, "reserved"),
        ({**OK, "data": []}, "data is a list, not an object"),
        ({**OK, "data": "x"}, "data is text, not an object"),
        ({**OK, "user": True}, "user is a boolean, not an object"),
        ({**OK, "id": ""}, "id has 0 characters"),
        ({**OK, "id": "x" * 256}, "id has 256 characters: give 1 to 255"),
        ({**OK, "id": 7}, "id is a number, not text"),
        ({**OK, "id": "a\nb"}, "unprintable"),
        ({**OK, "ts": "2026-01-01"}, "ts is text"),
        ({**OK, "ts": 1795367318797.5}, "ts is a number, not a whole number"),
        ({**OK, "ts": True}, "ts is a boolean"),
        ({**OK, "ts": 1795367318}, "not between 1980 and 2100"),  # seconds
        ({**OK, "ts": -1}, "not between 1980 and 2100"),
        ({**OK, "ts": 4102444800000}, "not between 1980 and 2100"),  # 2100-01-01
        ({**OK, "v": 2}, "v is a number, not text"),
    ],
)
def test_a_bad_event_is_refused_by_what_is_wrong(event: Any, says: str) -> None:
    parsed = parse([OK, event])
    assert len(parsed.events) == 1
    assert parsed.error is not None
    assert parsed.error.index == 1
    assert parsed.error.status == 400
    assert says in str(parsed.error)


@pytest.mark.parametrize(
    "event",
    [
        {"name": "x" * 512},  # just short enough
        {"name": "inngest"},  # not the prefix
        {**OK, "id": "x" * 255},
        {**OK, "ts": 315532800000},  # 1980-01-01
        {**OK, "ts": 4102444799999},  # the last millisecond of 2099
    ],
)
def test_the_limits_themselves_are_inside(event: Any) -> None:
    assert parse(event).error is None


@pytest.mark.parametrize(
    "body, says",
    [
        (b"", "body is empty"),
        (b" \n", "body is empty"),
        (b"{", "body is not JSON"),
        (b'{"name": "a",}', "line 1 column"),  # the place is named
        (b'{"name": "\\ud800"}', "body is not JSON"),  # a lone surrogate
        (b'{"name": "a", "data": {"n": NaN}}', "body is not JSON"),
        (b'{"name": "a", "data": {"n": 1e999}}', "infinity"),  # would come out as null
        (b"\xff", "body is not JSON"),
        (b'"text"', "event is text"),
        (b"[" * 2000, "body is not JSON"),
    ],
)
def test_a_body_that_is_no_json_event_is_refused_as_a_whole(body: bytes, says: str) -> None:
    parsed = parse_events(body, max_bytes=MEGABYTE)
    assert parsed.events == []
    assert parsed.error is not None
    assert parsed.error.index is None
    assert says in str(parsed.error)


def test_a_body_that_is_too_large_is_413() -> None:
    error = parse_events(b" " * 11, max_bytes=10).error
    assert error is not None
    assert (error.status, str(error)) == (413, "body is 11 bytes: send at most 10")


def test_too_many_events_are_413_and_none_is_taken() -> None:
    parsed = parse([OK] * 4, max_events=3)
    assert parsed.error is not None
    assert (parsed.events, parsed.error.status) == ([], 413)


def test_an_event_that_is_too_large_is_413_at_its_place() -> None:
    parsed = parse([OK, {**OK, "data": {"x": "y" * 100}}, OK], max_event_bytes=90)
    assert parsed.error is not None
    assert (len(parsed.events), parsed.error.index, parsed.error.status) == (1, 1, 413)


def test_small_events_in_a_large_body_are_taken() -> None:
    assert len(parse([OK] * 50, max_event_bytes=90).events) == 50


@pytest.mark.parametrize(
    "levels, taken",
    [
        (199, True),  # with the event itself 200
        (200, False),
        (300, False),  # more than the encoder writes
    ],
)
def test_an_event_that_is_nested_too_deep_is_refused(levels: int, taken: bool) -> None:
    data = b'{"a":' * levels + b"1" + b"}" * levels
    parsed = parse_events(b'{"name":"a","data":' + data + b"}", max_bytes=MEGABYTE)
    assert (parsed.error is None) is taken
    if parsed.error is not None:
        assert "levels deep" in str(parsed.error)


def test_many_brackets_are_not_depth() -> None:
    assert parse({"name": "a", "data": {"list": [[]] * 1000}}).error is None


@given(st.binary(max_size=60) | st.from_regex(rb'\[?\{"name": ?[^}]{0,20}\}', fullmatch=True))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    parsed = parse_events(body, max_bytes=MEGABYTE)
    assert isinstance(parsed.error, InvalidEvent) or parsed.events or parsed.is_list


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text().filter(lambda key: key != "_inngest"), json_values))
def test_data_comes_through_unchanged(data: dict[str, Any]) -> None:
    [event] = parse({"name": "a", "data": data}).events
    assert decode(encode(event.data)) == data
