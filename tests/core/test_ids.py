"""Ids are ULIDs, in agreement with python-ulid, and say nothing that was not given to them."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import derived_id, from_bytes, new_id, parse_id, seeded_id, timestamp, to_bytes

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SOME_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
raws = st.binary(min_size=16, max_size=16)
entropies = st.binary(min_size=10, max_size=10)


@given(raws)
def test_bytes_become_the_same_text_as_with_the_library_and_come_back(raw: bytes) -> None:
    assert from_bytes(raw) == str(ULID(raw))
    assert to_bytes(from_bytes(raw)) == raw


@given(st.text(min_size=26, max_size=26) | st.text("0123456789ABCXYZILOUabz_ +-", min_size=26, max_size=26))
def test_text_is_accepted_exactly_when_the_library_accepts_it(text: str) -> None:
    try:
        expected = ULID.from_str(text).bytes if text.isascii() else None
    except (ValueError, OverflowError):
        expected = None
    if expected is None:
        with pytest.raises(InvalidId):
            parse_id(text)
    else:
        assert to_bytes(parse_id(text)) == expected


@given(moments, entropies)
def test_an_id_holds_its_moment_to_the_millisecond_and_its_entropy(at: datetime, entropy: bytes) -> None:
    id = new_id(at, entropy)
    assert timestamp(id) == at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert to_bytes(id)[6:] == entropy
    assert timestamp(id) == EPOCH + timedelta(milliseconds=ULID.from_str(id).milliseconds)


@given(moments, moments, entropies, entropies)
def test_ids_sort_as_text_by_their_moment(a: datetime, b: datetime, one: bytes, two: bytes) -> None:
    if timestamp(new_id(a, one)) < timestamp(new_id(b, two)):
        assert new_id(a, one) < new_id(b, two)


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    paris = NOON.astimezone(timezone(timedelta(hours=1)))
    assert new_id(paris, bytes(10)) == new_id(NOON, bytes(10))


@pytest.mark.parametrize(
    "text",
    [
        "",  # nothing
        SOME_ID[:-1],  # too short
        SOME_ID + "0",  # too long
        "8" + SOME_ID[1:],  # 129 bits
        "Z" * 26,  # 130 bits
        "I" + SOME_ID[1:],  # a letter ULIDs leave out
        SOME_ID[:-1] + "U",  # the same at the end
        SOME_ID[:-2] + "_V",  # int() would read over it
        " " + SOME_ID[1:],  # int() would strip it
        "+" + SOME_ID[1:],  # int() would take the sign
        "٣" + SOME_ID[1:],  # int() would take the digit
        SOME_ID[:-1] + "ſ",  # upper() would make an S of it
    ],
)
def test_what_is_not_an_id_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidId, match="is not an id"):
        parse_id(text)


def test_lower_case_is_read_and_made_canonical() -> None:
    assert parse_id(SOME_ID.lower()) == SOME_ID


def test_a_derived_id_is_the_same_for_the_same_parts_only() -> None:
    assert derived_id(NOON, "tick", "nightly") == derived_id(NOON, "tick", "nightly")
    assert timestamp(derived_id(NOON, "x")) == timestamp(new_id(NOON, bytes(10)))
    different = {derived_id(NOON, *parts) for parts in [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ()]}
    assert len(different) == 5


def test_seeded_ids_count_from_the_seed_as_inngest_does() -> None:
    ms, entropy = 1795367318797, base64.b64decode("T9SKB5pONbUdBQ==")  # header "1795367318797,T9SKB5pONbUdBQ=="
    seed = int.from_bytes(ms.to_bytes(6, "big") + entropy, "big")
    assert [int(ULID.from_str(seeded_id(ms, entropy, index))) for index in (1, 2)] == [seed + 1, seed + 2]


def test_the_counter_of_a_seed_wraps_without_touching_the_rest() -> None:
    assert to_bytes(seeded_id(5, b"abcdef" + b"\xff" * 4, 1))[6:] == b"abcdef" + bytes(4)


@pytest.mark.parametrize(
    "ms, entropy",
    [
        (-1, bytes(10)),  # before 1970
        (2**48, bytes(10)),  # does not fit
        (5, bytes(9)),  # too little entropy
        (5, bytes(11)),  # too much
    ],
)
def test_a_malformed_seed_is_refused(ms: int, entropy: bytes) -> None:
    with pytest.raises(InvalidId):
        seeded_id(ms, entropy, 1)


def test_an_id_after_the_year_9999_has_no_moment() -> None:
    with pytest.raises(InvalidId, match="9999"):
        timestamp(seeded_id(2**48 - 1, bytes(10), 1))


def test_bytes_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidId):
        from_bytes(bytes(15))


def test_entropy_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidId):
        new_id(NOON, bytes(9))
