"""A value on its way to the database: inline, or as a blob when it is large."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import orjson

from orchestrator.core.errors import Unserialisable
from orchestrator.core.ops import ErrorInfo
from orchestrator.engine.rows import BlobRow


class Stored(NamedTuple):
    """``text`` is set, or ``blob`` with its row."""

    text: str | None
    blob: str | None = None
    row: BlobRow | None = None


def store(run: str, text: str, new_id: Callable[[], str], *, inline_bytes: int, max_bytes: int) -> Stored:
    """JSON text as it will be stored. Raises Unserialisable when it is larger than a value may be."""
    size = len(text) if text.isascii() else len(text.encode())
    if size <= inline_bytes:
        return Stored(text)
    if size > max_bytes:
        raise Unserialisable(
            f"the value is {size:,} bytes of JSON, the limit is {max_bytes:,}: store it elsewhere, pass a reference"
        )
    blob_id = new_id()
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Stored(None, blob_id, BlobRow(blob_id, run, size, digest, text))


def error_json(error: ErrorInfo) -> str:
    return orjson.dumps(error.to_json()).decode()
