"""How a decoded JSON value comes back as the type its author declared."""

import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache, partial
from inspect import Parameter, unwrap
from types import FunctionType, NoneType, SimpleNamespace, UnionType
from typing import Any, Final, NotRequired, Required, Union, get_args, get_origin, get_type_hints
from weakref import WeakKeyDictionary

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from typing_extensions import TypedDict, is_typeddict

from orchestrator.core.errors import InvalidPayload

SCALARS = frozenset({Any, Parameter.empty, None, NoneType, str, int, float, bool, dict, list, object})
UNTYPED = (Any, Parameter.empty, object)
WRAPPERS = (Required, NotRequired)


class Shape:
    """How a decoded value comes back as the type its author declared. ``plain``: it comes back as it is."""

    __slots__ = ("_adapter", "annotation")

    def __init__(self, annotation: Any, *, checked: bool = False) -> None:
        self.annotation: Final = annotation
        free = annotation in UNTYPED if checked else _is_plain(annotation)
        self._adapter: Final = None if free else _adapter(annotation)

    @staticmethod
    def of(annotation: Any) -> "Shape":
        """The shape of an annotation, cached."""
        try:
            return _shape(annotation)
        except TypeError:  # an unhashable annotation, such as Annotated with a list
            return Shape(annotation)

    @staticmethod
    def checked(annotation: Any) -> "Shape":
        """A shape that also refuses a plain value of another type than declared: for values from outside."""
        return Shape(annotation, checked=True)

    @property
    def plain(self) -> bool:
        return self._adapter is None

    def load(self, decoded: Any) -> Any:
        """The declared type's value. Raises InvalidPayload when ``decoded`` does not fit the declaration."""
        if self._adapter is None:
            return decoded
        try:
            # A model is dumped by its fields' names, whatever their aliases.
            return self._adapter.validate_python(decoded, by_alias=True, by_name=True)
        except ValidationError as error:
            raise InvalidPayload(f"value does not fit {_name(self.annotation)}: {_explain(error)}") from error


def return_shape(fn: Callable[..., Any]) -> Shape:
    """The shape of what ``fn`` returns; plain when it does not say, or what it says cannot be resolved."""
    # At once for plain functions, which unwrap() goes a long way round for.
    function = fn if type(fn) is FunctionType and not fn.__dict__ else _function(fn)
    if "return" not in getattr(function, "__annotations__", ()):
        return PLAIN
    shape = _return_shapes.get(function)
    if shape is None:
        shape = _return_shapes[function] = Shape.of(_return_annotation(function))
    return shape


def _function(fn: Any) -> Any:
    while isinstance(fn, partial):
        fn = fn.func
    fn = unwrap(fn)
    if not hasattr(fn, "__code__") and not isinstance(fn, type):
        fn = getattr(type(fn), "__call__", fn)  # noqa: B004  an instance that is callable
    return getattr(fn, "__func__", fn)


def _return_annotation(function: Any) -> Any:
    # Only the return annotation is resolved: a parameter's may name what is imported for type checkers only.
    alone = SimpleNamespace(__annotations__={"return": function.__annotations__["return"]})
    try:
        hints = get_type_hints(alone, getattr(function, "__globals__", {}), include_extras=True)
    except Exception:  # author code: an annotation may raise anything when it is resolved
        return Any
    annotation = hints["return"]
    if get_origin(annotation) in (Awaitable, Coroutine):
        return get_args(annotation)[-1]
    return annotation


def _is_plain(annotation: Any) -> bool:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is list or origin in (Union, UnionType):
        return all(_is_plain(arg) for arg in args)
    if origin is dict:
        return args[0] is str and _is_plain(args[1])
    return origin is None and _in_scalars(annotation)


def _in_scalars(annotation: Any) -> bool:
    try:
        return annotation in SCALARS
    except TypeError:
        return False


def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(_modern(annotation))
    except (PydanticUserError, TypeError, NameError):  # not a type pydantic knows: values stay as decoded
        return None
    return adapter if adapter.pydantic_complete else None


def _modern(annotation: Any) -> Any:
    # pydantic refuses typing.TypedDict before Python 3.12: the same in typing_extensions' words. Can go with 3.11.
    if sys.version_info >= (3, 12):
        return annotation
    if is_typeddict(annotation):
        hints = get_type_hints(annotation, include_extras=True)
        required = annotation.__required_keys__
        types = {name: get_args(hint)[0] if get_origin(hint) in WRAPPERS else hint for name, hint in hints.items()}
        return TypedDict(  # type: ignore[operator]
            annotation.__name__,
            {name: (Required if name in required else NotRequired)[_modern(hint)] for name, hint in types.items()},
        )
    origin, args = get_origin(annotation), get_args(annotation)
    modern = tuple(_modern(arg) for arg in args)
    if origin is None or modern == args:
        return annotation
    return Union[modern] if origin is UnionType else origin[modern]  # noqa: UP007  the members are not known here


def _explain(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    places = [f"{'.'.join(map(str, fault['loc'])) or 'value'}: {fault['msg']}" for fault in faults[:3]]
    return "; ".join(places) + (f" (and {len(faults) - 3} more)" if len(faults) > 3 else "")


def _name(annotation: Any) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)


_shape = lru_cache(maxsize=4096)(Shape)
_return_shapes: WeakKeyDictionary[Any, Shape] = WeakKeyDictionary()  # weak: authors make closures for each run
PLAIN = Shape(Any)
