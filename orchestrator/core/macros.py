"""The macros of expressions: each looks at the items of a list or the keys of an object, within a budget of steps."""

from collections.abc import Callable, Iterator
from typing import Any

from orchestrator.core.operators import known, truthy

MAX_STEPS = 10_000  # of all macros in one evaluation
CHARACTERS_A_STEP = 1000  # of text that map builds
STEPS = "steps()"  # where a scope keeps what is left; no document can have that name

Scope = dict[str, Any]
Run = Callable[[Any], Any]


def compile_macro(op: str, over: Run, variable: str, bodies: list[Run]) -> Run:
    """What a macro gives over a scope. Bodies are evaluated with ``variable`` set to each item in turn."""
    macro = MACROS[op]
    if op == "filter":
        bodies = [lambda scope: scope[variable], *bodies]

    def run(scope: Scope) -> Any:
        return macro(_scopes(over(scope), variable, scope), *bodies)

    return run


def _scopes(items: Any, variable: str, scope: Scope) -> Iterator[Scope] | None:
    """The scope of each item; none for what has no items."""
    if not isinstance(items, (list, dict)):
        return None
    return _each(items, variable, dict(scope))


def _each(items: list[Any] | dict[str, Any], variable: str, scope: Scope) -> Iterator[Scope]:
    for item in items:
        _spend(scope, 1)
        scope[variable] = item
        yield scope


def _spend(scope: Scope, steps: int) -> None:
    scope[STEPS][0] -= steps
    if scope[STEPS][0] < 0:
        raise ValueError(f"it looks at over {MAX_STEPS} items")


def _all(scopes: Iterator[Scope] | None, body: Run) -> bool:
    return scopes is not None and all(truthy(body(scope)) for scope in scopes)


def _exists(scopes: Iterator[Scope] | None, body: Run) -> bool:
    return scopes is not None and any(truthy(body(scope)) for scope in scopes)


def _exists_one(scopes: Iterator[Scope] | None, body: Run) -> bool:
    return scopes is not None and sum(truthy(body(scope)) for scope in scopes) == 1


def _filter(scopes: Iterator[Scope] | None, variable: Run, body: Run) -> list[Any]:
    return [known(variable(scope)) for scope in scopes or () if truthy(body(scope))]


def _map(scopes: Iterator[Scope] | None, *bodies: Run) -> list[Any]:
    *conditions, change = bodies
    found = []
    for scope in scopes or ():
        if all(truthy(condition(scope)) for condition in conditions):
            found.append(known(change(scope)))
            if isinstance(found[-1], (str, list)):
                _spend(scope, len(found[-1]) // CHARACTERS_A_STEP)
    return found


MACROS: dict[str, Callable[..., Any]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "map": _map,
    "filter": _filter,
}
