"""Where reads begin: our tables in the database that holds them, and pages by key."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db.models import Model, QuerySet

from orchestrator.api.cursors import write_cursor
from orchestrator.api.values import Page
from orchestrator.conf import settings

M = TypeVar("M", bound=Model)
V = TypeVar("V")


def rows(model: type[M]) -> QuerySet[M]:
    """All rows of a table of ours."""
    return model._default_manager.using(settings().database)


def take(found: QuerySet[M], limit: int) -> tuple[list[M], bool]:
    """The first ``limit`` rows, and whether there are more."""
    taken = list(found[: limit + 1])
    return taken[:limit], len(taken) > limit


def page(listing: str, values: Sequence[V], more: bool, position: Callable[[V], str | int]) -> Page[V]:
    """A page of a listing; ``position`` is the sort key of a value."""
    return Page(list(values), write_cursor(listing, position(values[-1])) if more else None)
