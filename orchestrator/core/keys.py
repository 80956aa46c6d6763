"""What a key of flow control is: an expression over ``event``, or a function of the author's code that takes it."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orchestrator.core.errors import InvalidExpression, InvalidFunction
from orchestrator.core.expressions import compile_expression

KEY_ROOTS = frozenset({"event"})
OfEvent = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class CodeKey:
    """A key as Python code, by the name under which every process that has the code finds it: ``module:function``."""

    code: str

    def __str__(self) -> str:
        return self.code.replace(":", ".") + "()"

    def evaluate(self, event: Mapping[str, Any]) -> Any:
        """Raises InvalidExpression, also where this process does not have the code."""
        try:
            return _find(self.code)(event)
        except Exception as error:  # author code
            raise InvalidExpression(f"the key {self} raised {type(error).__name__}: {error}") from error


Key = str | CodeKey


@lru_cache(maxsize=1024)
def _find(name: str) -> OfEvent:
    found: OfEvent = pkgutil.resolve_name(name)
    return found


def checked_key(key: "str | OfEvent | Key | Mapping[str, str]") -> Key:
    """A key as it is declared, or as the catalog stores it. Raises InvalidExpression, InvalidFunction."""
    if isinstance(key, Mapping):
        return CodeKey(**key)
    if isinstance(key, str):
        compile_expression(key, KEY_ROOTS)
    return _named(key) if callable(key) else key


def _named(function: OfEvent) -> CodeKey:
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "<>")
    if not module or "<" in name:
        raise InvalidFunction(
            f"the key {name} cannot be found by its name: give a function of a module, since other processes use it too"
        )
    return CodeKey(f"{module}:{name}")


def key_value(key: Key | float, event: Mapping[str, Any]) -> Any:
    """What a key gives for an event; a number is itself. Raises InvalidExpression."""
    if isinstance(key, CodeKey):
        return key.evaluate(event)
    return compile_expression(key, KEY_ROOTS).evaluate({"event": event}) if isinstance(key, str) else key
