"""Values to JSON text and back into the type an author declared."""

from typing import Any

import orjson

from orchestrator.core.errors import Unserialisable
from orchestrator.core.jsonable import check, lower, may_hide_nan
from orchestrator.core.shapes import Shape, return_shape

__all__ = ["Shape", "decode", "encode", "return_shape"]


def encode(value: object) -> str:
    """JSON text of a value. Raises Unserialisable, which names the place in the value and a way out."""
    if value is None:
        return "null"
    try:
        raw = orjson.dumps(value, lower, orjson.OPT_PASSTHROUGH_DATACLASS)
    except TypeError as error:
        return _encode_slowly(value, error)
    if b"null" in raw and may_hide_nan(value):  # orjson writes NaN and infinities as null without a word
        check(value)
    return raw.decode()


def decode(text: str | bytes) -> Any:
    """The value of JSON text that we wrote."""
    return orjson.loads(text)


def _encode_slowly(value: object, error: TypeError) -> str:
    check(value)
    try:
        # Nothing wrong was found: what is left are keys of a subclass of str, such as a StrEnum.
        options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_NON_STR_KEYS
        return orjson.dumps(value, lower, options).decode()
    except TypeError:
        raise Unserialisable(f"$ cannot be written as JSON: {error}") from error
