"""What can be called as a child run."""

from typing import Generic, ParamSpec, TypeVar

from orchestrator.sdk.registry import Definition

P = ParamSpec("P")
R = TypeVar("R")


class Callee(Generic[P, R]):
    """A registered function. ``P`` are the arguments its caller gives, ``R`` is what it returns."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.__doc__ = definition.body.__doc__
        self.__name__ = definition.body.__name__
        self.__module__ = definition.body.__module__

    @property
    def id(self) -> str:
        """The id under which it is registered, shown and triggered."""
        return self.definition.id

    def __repr__(self) -> str:
        return f"<{self.definition.kind} {self.id}>"
