"""A cursor is opaque, belongs to one list, and cannot be forged into an error."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.api.cursors import id_position, number_position, read_cursor, slug_position, write_cursor
from orchestrator.core.errors import InvalidCursor

SOME_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def forged(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_a_cursor_comes_back_as_the_position_it_was_made_of() -> None:
    assert read_cursor("runs", write_cursor("runs", SOME_ID), id_position) == SOME_ID
    assert read_cursor("logs", write_cursor("logs", 7), number_position) == 7
    assert read_cursor("functions", write_cursor("functions", "a:b-ü"), slug_position) == "a:b-ü"


def test_no_cursor_is_the_beginning() -> None:
    assert read_cursor("runs", None, id_position) is None


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_can_stand_in_an_address_as_it_is(number: int) -> None:
    cursor = write_cursor("history", number)
    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "cursor",
    [
        "",  # given, but empty
        "%%%",  # no base64
        "é",  # not even ASCII
        "A",  # a length base64 cannot have
        write_cursor("events", SOME_ID),  # of another list
        forged("runs"),  # no position
        forged("runs:"),  # an empty one
        forged("runs:nonsense"),  # no id
        forged(b"runs:\xff\xfe"),  # no UTF-8
        forged("runs:" + SOME_ID) + "\n",  # with something behind it
    ],
)
def test_what_is_not_a_cursor_of_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor, match="not a cursor of runs"):
        read_cursor("runs", cursor, id_position)


@pytest.mark.parametrize(
    "position",
    [
        "-1",  # never a position
        "1_0",  # int() would read it
        "٣",  # the same
        str(2**63),  # more than a column holds
        "9" * 5000,  # more than int() reads
    ],
)
def test_a_position_that_is_no_number_is_refused(position: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor("logs", forged(f"logs:{position}"), number_position)


@pytest.mark.parametrize("slug", ["\0", "x" * 201])  # what no column takes
def test_a_position_that_is_no_slug_is_refused(slug: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor("functions", forged(f"functions:{slug}"), slug_position)
