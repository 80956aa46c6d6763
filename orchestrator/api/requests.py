"""The shapes of the API's requests. Unknown fields are refused, so that a misspelt one is not overlooked."""

from datetime import timedelta
from typing import Annotated, Any

from ninja import Path, Query, Schema
from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from orchestrator.api.text import Name, Reason, SlugText, UlidText
from orchestrator.core.durations import parse_duration

MAX_PAGE = 200
MAX_WAIT_SECONDS = 30

PathId = Annotated[UlidText, Path(description="ULID: 26 characters.")]
PathSlug = Annotated[SlugText, Path(description="The function's id.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Items on a page.")]
Wait = Annotated[
    float,
    Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the end of the run before it is answered."),
]
Cursor = Annotated[str | None, Query(description="next_cursor of the page before.")]
# Raises InvalidDuration, which keeps its own problem code.
Delay = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    WithJsonSchema({"type": ["number", "string"], "description": 'Seconds, or text such as "10m" or "PT10M".'}),
]


class Body(Schema):
    model_config = ConfigDict(extra="forbid")


class TriggerBody(Body):
    """A call of a function."""

    data: Annotated[Any, Field(description="Its payload.")]
    idempotency_key: Annotated[
        Name | None, Field(description="A second call with the same key answers the first one's run.")
    ] = None
    delay: Delay | None = None


class StopBody(Body):
    """Why a run is stopped, for the record."""

    reason: Reason = ""


class ReplayBody(Body):
    """From where, and with what. Without ``from_step`` everything runs again."""

    from_step: Annotated[
        Name | None, Field(description="The step to begin at; what was settled before it is kept.")
    ] = None
    data: Annotated[Any, Field(description="Event data to use instead of the original.")] = None
    key: Annotated[
        Name | None, Field(description="A second replay of this run with the same key answers the first one's run.")
    ] = None


class SignalBody(Body):
    """A message to a run."""

    name: Name
    data: Annotated[Any, Field(description="What the waiting step gets.")] = None
    key: Annotated[Name | None, Field(description="A second signal with the same key is not applied again.")] = None


class RetriggerBody(Body):
    """The event once more."""

    data: Annotated[dict[str, Any], Field(description="Data to send instead of the original.")] = {}
