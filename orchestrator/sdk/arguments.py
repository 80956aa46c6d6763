"""A task's payload is its Python signature: arguments to a JSON object and back."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_type_hints

from orchestrator.core.codec import Shape, encode
from orchestrator.core.errors import InvalidPayload


@lru_cache(maxsize=4096)
def signature(body: Callable[..., Any]) -> inspect.Signature:
    """The signature without its first parameter, the context."""
    whole = inspect.signature(body)
    return whole.replace(parameters=list(whole.parameters.values())[1:])


def annotations(body: Callable[..., Any]) -> dict[str, Any]:
    """Annotations by name; none when one of them cannot be resolved at run time."""
    try:
        return get_type_hints(body)
    except Exception:  # author code: that is no reason to refuse the task
        return {}


@lru_cache(maxsize=4096)
def _shapes(body: Callable[..., Any]) -> dict[str, Shape]:
    hints = annotations(body)
    return {name: Shape.checked(hints.get(name, Any)) for name in signature(body).parameters}


def bind(body: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name. Raises InvalidPayload as Python would raise TypeError."""
    try:
        return dict(signature(body).bind(*args, **kwargs).arguments)
    except TypeError as error:
        raise InvalidPayload(f"{body.__name__}{signature(body)}: {error}") from error


def bind_json(body: Callable[..., Any], payload: Any) -> str:
    """A payload from outside as JSON text, checked against the signature. Raises InvalidPayload."""
    if payload is None:
        payload = {}
    if not isinstance(payload, Mapping):
        raise InvalidPayload(f"{body.__name__} takes an object of its arguments {signature(body)}")
    load(body, payload)
    return encode(payload)


def load(body: Callable[..., Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as the signature types them. Raises InvalidPayload naming the argument."""
    given = bind(body, (), payload)
    shapes = _shapes(body)
    result = {}
    for name, value in given.items():
        try:
            result[name] = shapes[name].load(value)
        except InvalidPayload as error:
            raise InvalidPayload(f"argument {name!r} of {body.__name__}: {error}") from error
    return result
