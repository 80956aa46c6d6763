"""Text from outside that goes into columns: neither NUL, which PostgreSQL refuses, nor longer than its column."""

from typing import Annotated

from pydantic import AfterValidator, Field

from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id

MAX_SLUG = 200


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    return text


def _slug(text: str) -> str:
    if "\0" in text or len(text) > MAX_SLUG:
        raise InvalidId(f"{text[:40]!r} is not the id of a function: at most {MAX_SLUG} characters, none of them NUL")
    return text


Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_no_nul)]
EventName = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_no_nul)]
Reason = Annotated[str, Field(max_length=2000), AfterValidator(_no_nul)]
# These raise InvalidId, which is no ValueError: pydantic lets it through, and it keeps its own problem code.
UlidText = Annotated[str, AfterValidator(parse_id)]
SlugText = Annotated[str, AfterValidator(_slug)]
