"""Values go to JSON and come back as declared; what JSON cannot hold is refused by the path to it."""

import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, computed_field

from orchestrator.core.codec import decode, encode
from orchestrator.core.errors import Unserialisable

Point = namedtuple("Point", "x y")


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Odd(Enum):
    NOTHING = math.nan


class Float64(float):
    """What numpy's float64 is: a subclass of float."""


@dataclass
class Item:
    total: Any
    _hidden: int = 1


@dataclass(frozen=True, slots=True)
class Order:
    items: list[Item] = field(default_factory=list)


class Invoice(BaseModel):
    number: int = Field(alias="invoiceNumber")
    at: datetime | None = None
    rate: float = 0.5

    @computed_field  # type: ignore[prop-decorator]
    @property
    def label(self) -> str:
        return f"#{self.number}"


class Broken(BaseModel):
    value: object


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_every_json_value_comes_back_equal(value: Any) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "null"),
        ((1, "a"), '[1,"a"]'),  # a tuple is a list
        (Point(1, 2), "[1,2]"),  # so is a named one
        (OrderedDict(a=None), '{"a":null}'),  # a subclass of dict
        ({Colour.RED: Colour.RED}, '{"red":"red"}'),  # a key that is a kind of text
        ({Colour.RED: [Level.HIGH, None]}, '{"red":[3,null]}'),  # the same where the value was looked into
        (Float64(1.5), "1.5"),  # a subclass of float
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), '"2026-01-02T03:04:05.000006+00:00"'),
        (datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Paris")), '"2026-07-01T00:00:00+02:00"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (time(3, 4, 5), '"03:04:05"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Order([Item(2.5)]), '{"items":[{"total":2.5,"_hidden":1}]}'),  # fields with an underscore are kept
        (Invoice(invoiceNumber=7), '{"number":7,"at":null,"rate":0.5,"label":"#7"}'),
        ([Item(Invoice(invoiceNumber=7, rate=1))], None),  # models in dataclasses in lists
        ("the word null", '"the word null"'),
        (2**64 - 1, "18446744073709551615"),
    ],
)
def test_richer_values_have_a_json_form(value: object, text: str | None) -> None:
    assert text is None or encode(value) == text
    assert orjson.loads(encode(value)) is not None or value is None


async def never_awaited() -> int:
    return 1


class Row:
    pk = 5


@pytest.mark.parametrize(
    "value, path, says",
    [
        (math.nan, "$", "float nan"),
        ({"a": [1, math.inf]}, "$.a[1]", "float inf"),
        ([None, Float64("nan")], "$[1]", "float nan"),  # a subclass of float that orjson would write as null
        (Order([Item(1), Item(-math.inf)]), "$.items[1].total", "float -inf"),
        (Odd.NOTHING, "$", "float nan"),
        (Invoice(invoiceNumber=1, rate=math.nan), "$.rate", "float nan"),
        ({"a b": {"it's": {3, 4}}}, '$["a b"]["it\'s"]', "sorted(value)"),
        ({"a": {1: 2}}, "$.a", "int key 1"),
        ({(1, 2): 3}, "$", "tuple key (1, 2)"),
        ({Level.HIGH: 3}, "$", "Level key"),
        (["x", "\ud800y"], "$[1]", "lone surrogate at 0"),
        ({"x\udfff": 1}, "$", "lone surrogate at 1"),
        ([2**64], "$[0]", "more than 64 bits"),
        ([-(2**63) - 1], "$[0]", "more than 64 bits"),
        ({"raw": b"x"}, "$.raw", "base64"),
        ({"price": Decimal("1.1")}, "$.price", "str(value) to keep it exact"),
        ({"for": timedelta(1)}, "$.for", "total_seconds()"),
        ([Path("/tmp")], "$[0]", "str(value)"),
        ([ValueError("x")], "$[0]", "raise it"),
        ([Order], "$[0]", "an instance or its name"),
        ([len], "$[0]", "not called"),
        ([Row()], "$[0]", "return its pk"),
        ([object()], "$[0]", "a dataclass or a pydantic model"),
        ([time(1, tzinfo=UTC)], "$[0]", "tzinfo"),  # orjson's own reason is kept
        ([Broken(value=object())], "$[0]", "could not be dumped"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_path_and_a_way_out(value: object, path: str, says: str) -> None:
    with pytest.raises(Unserialisable) as caught:
        encode(value)
    assert caught.value.path == path
    assert str(caught.value).startswith(path)
    assert says in str(caught.value)


def test_a_coroutine_nobody_awaited_is_named_as_such() -> None:
    coroutine = never_awaited()
    with pytest.raises(Unserialisable, match=r"^\$\.page is a coroutine: it was not awaited"):
        encode({"page": coroutine})
    coroutine.close()


def test_a_list_that_contains_itself_is_refused() -> None:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    with pytest.raises(Unserialisable, match=r"^\$\[1\]\.again is a list that contains itself"):
        encode(loop)


def test_a_dataclass_that_contains_itself_is_refused() -> None:
    item = Item(None)
    item.total = [item]
    with pytest.raises(Unserialisable, match=r"^\$\.total\[0\] is a .*Item that contains itself"):
        encode(item)


def test_the_same_list_twice_is_no_loop() -> None:
    shared = [None]
    assert encode({"a": shared, "b": shared}) == '{"a":[null],"b":[null]}'


def test_deep_nesting_is_refused_with_a_short_message() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = {"down": deep}
    with pytest.raises(Unserialisable, match="nested over 250 levels") as caught:
        encode(deep)
    assert len(str(caught.value)) < 300


@given(st.lists(st.none() | st.floats() | st.tuples(st.floats(), st.text())))
def test_no_float_ever_turns_into_null(value: list[Any]) -> None:
    try:
        decoded = decode(encode(value))
    except Unserialisable:
        assert "nan" in repr(value) or "inf" in repr(value)
    else:
        assert decoded == [list(item) if isinstance(item, tuple) else item for item in value]
