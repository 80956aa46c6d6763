"""Text from outside that goes into columns: neither NUL, which PostgreSQL refuses, nor longer than its column."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.core.moments import parse_moment

MAX_SLUG = 200


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    return text


def _slug(text: str) -> str:
    if "\0" in text or len(text) > MAX_SLUG:
        raise InvalidId(f"{text[:40]!r} is not the id of a function: at most {MAX_SLUG} characters, none of them NUL")
    return text


def _moment(text: Any) -> datetime:
    return parse_moment(str(text), datetime.now(UTC))


Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_no_nul)]
EventName = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_no_nul)]
Label = Annotated[str, Field(max_length=200), AfterValidator(_no_nul)]
Note = Annotated[str, Field(max_length=500), AfterValidator(_no_nul)]
Reason = Annotated[str, Field(max_length=2000), AfterValidator(_no_nul)]
# These raise errors of ours, which are no ValueErrors: pydantic lets them through, and they keep their own codes.
UlidText = Annotated[str, AfterValidator(parse_id)]
SlugText = Annotated[str, AfterValidator(_slug)]
MomentText = Annotated[
    datetime,
    PlainValidator(_moment),
    WithJsonSchema({"type": "string", "examples": ["2026-01-31T09:00:00Z", "24h"]}),
]
