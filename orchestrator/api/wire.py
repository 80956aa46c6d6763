"""Plain values as JSON answers, the same for every door."""

from datetime import datetime

import orjson
from django.http import HttpResponse

from orchestrator.core.moments import iso

JSON = "application/json"


def dump(value: object) -> bytes:
    """JSON of plain values and dataclasses; moments in UTC with microseconds and Z."""
    return orjson.dumps(value, _lower, orjson.OPT_PASSTHROUGH_DATETIME)


def json_response(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(dump(value), status=status, content_type=JSON)


def _lower(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
