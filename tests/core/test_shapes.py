"""A declared type is what an author gets back, on the first execution as after a crash."""

import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, Optional, Required, TypedDict, TypeVar
from uuid import UUID
from weakref import ref

import pytest
from pydantic import BaseModel, Field

from orchestrator.core.codec import Shape, decode, encode, return_shape
from orchestrator.core.errors import InvalidPayload

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForCheckers

T = TypeVar("T")


class Colour(StrEnum):
    RED = "red"


@dataclass
class Money:
    amount: int
    currency: str = "EUR"
    doubled: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.doubled = self.amount * 2


class Invoice(BaseModel):
    number: int = Field(alias="invoiceNumber")
    money: Money


class Page(BaseModel, Generic[T]):
    items: list[T]


class Row(TypedDict):
    at: datetime


class Sheet(TypedDict, total=False):
    name: Required[str]
    rows: list[Row] | None


class Stranger:
    """Not a type pydantic knows."""


@pytest.mark.parametrize(
    "annotation",
    [
        Any,
        None,
        type(None),
        str,
        int,
        float,
        bool,
        dict,
        list,
        object,
        dict[str, Any],
        list[dict[str, list[int]]],
        str | None,
        Optional[dict[str, int]],  # noqa: UP045  as authors write it
    ],
)
def test_what_json_knows_comes_back_untouched(annotation: Any) -> None:
    shape = Shape.of(annotation)
    assert shape.plain
    value = {"anything": [1, "2"]}
    assert shape.load(value) is value


@pytest.mark.parametrize(
    "annotation, value",
    [
        (Money, Money(5)),  # fields that __init__ does not take are computed again
        (list[Money], [Money(1), Money(2, "USD")]),
        (Money | None, None),
        (Money | None, Money(3)),
        (dict[str, Money], {"a": Money(1)}),
        (Invoice, Invoice(invoiceNumber=1, money=Money(2))),  # dumped by name, though it has an alias
        (list[Invoice], [Invoice(invoiceNumber=1, money=Money(2))]),
        (Page[Money], Page[Money](items=[Money(1)])),
        (Row, {"at": datetime(2026, 1, 1)}),
        (list[Row], [{"at": datetime(2026, 1, 1)}]),
        (Sheet, {"name": "x", "rows": [{"at": datetime(2026, 1, 1)}]}),
        (Sheet, {"name": "x"}),
        (datetime, datetime(2026, 1, 1, 12, 30)),
        (tuple[int, str], (1, "a")),
        (Colour, Colour.RED),
        (UUID, UUID(int=5)),
        (Literal["a"], "a"),
        (Annotated[list[datetime], ["not hashable"]], [datetime(2026, 1, 1)]),
    ],
)
def test_a_value_comes_back_as_the_type_that_was_declared(annotation: Any, value: object) -> None:
    shape = Shape.of(annotation)
    assert not shape.plain
    loaded = shape.load(decode(encode(value)))
    assert loaded == value
    assert type(loaded) is type(value)


def test_a_shape_is_made_once() -> None:
    assert Shape.of(list[Money]) is Shape.of(list[Money])


@pytest.mark.parametrize("annotation", [Stranger, list[Stranger], "NoSuchName"])
def test_a_type_pydantic_does_not_know_leaves_the_value_as_decoded(annotation: Any) -> None:
    assert Shape.of(annotation).load([1]) == [1]


def test_a_value_that_does_not_fit_is_refused_by_its_path() -> None:
    with pytest.raises(InvalidPayload, match=r"does not fit Invoice: money\.amount: Input should be a valid integer"):
        Shape.of(Invoice).load({"number": 1, "money": {"amount": "lots"}})


def make_money() -> Money:
    return Money(1)


async def make_money_later() -> "Money":
    return Money(1)


def make_awaitable() -> Awaitable[Money]:
    return make_money_later()


def says_nothing():  # type: ignore[no-untyped-def]
    return 1


def says_the_unknowable() -> "OnlyForCheckers":
    raise AssertionError


def takes_the_unknowable(price: "OnlyForCheckers") -> Money:
    return Money(int(price))


@wraps(make_money)
def wrapper(*args: Any) -> Any:
    return make_money(*args)


class Service:
    def make(self) -> Money:
        return Money(1)

    def __call__(self) -> Money:
        return Money(1)

    @staticmethod
    def make_static() -> Money:
        return Money(1)

    @classmethod
    def make_for_class(cls) -> Money:
        return Money(1)


@pytest.mark.parametrize(
    "fn",
    [
        make_money,
        make_money_later,  # a coroutine function, its annotation as text
        make_awaitable,
        takes_the_unknowable,  # only what is returned has to be known
        wrapper,
        partial(partial(make_money)),
        Service().make,
        Service(),
        Service.make_static,
        Service.make_for_class,
    ],
)
def test_the_shape_of_a_function_is_what_it_says_it_returns(fn: Callable[..., Any]) -> None:
    assert return_shape(fn).annotation is Money


@pytest.mark.parametrize("fn", [says_nothing, says_the_unknowable, lambda: 1, len, print, int, partial(int, base=2)])
def test_a_function_that_does_not_say_is_plain(fn: Callable[..., Any]) -> None:
    assert return_shape(fn).plain


def test_shapes_of_closures_do_not_keep_them_alive() -> None:
    def closure() -> Money:
        return Money(1)

    assert not return_shape(closure).plain
    gone = ref(closure)
    del closure
    gc.collect()
    assert gone() is None
