"""Asking the API as a program does, and writing moments as it answers them."""

from datetime import UTC, datetime
from typing import Any

import orjson
from django.test import Client


def get(client: Client, path: str, **query: Any) -> Any:
    """The decoded 200 answer of a path below /api/v1."""
    answer = client.get(f"/api/v1{path}", query)
    assert answer.status_code == 200, answer.content
    return orjson.loads(answer.content)


def text(moment: datetime) -> str:
    """ISO 8601, UTC, with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
