"""What nobody should send: bodies, texts and fields, to whatever asks for some."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

NUL, LONG = "a\0b", "x" * 100_000
DEEP = 100_000  # levels

# Bodies that no endpoint can take, whatever it wants.
BODIES: dict[str, bytes] = {
    "not closed": b'{"data": {"a": 1}',
    "words": b"nonsense",
    "text": b'"text"',
    "a number": b"5",
    "NaN": b"NaN",
    "a NaN inside": b'{"name": "a", "data": {"x": NaN}}',
    "an infinity inside": b'{"name": "a", "data": {"x": -Infinity}}',
    "a lone surrogate": b'{"name": "a", "data": {"x": "\\ud800"}}',
    "a lone surrogate as key": b'{"name": "a", "data": {"\\udc00": 1}}',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "a raw NUL": b'{"name": "a\0b"}',
    "only NULs": b"\0" * 100,
    "deep lists": b"[" * DEEP,
    "deep and closed": b'{"name": "a", "data": {"x": ' + b"[" * DEEP + b"]" * DEEP + b"}}",
    "deep objects": b'{"data":' * 2_000 + b"1" + b"}" * 2_000,
    "a comment": b'{"name": "a"} // yes',
    "two documents": b'{"name": "a"}{"name": "a"}',
    "an extra comma": b'{"name": "a",}',
    "5 MB": b'{"name": "a", "data": {"x": "' + b"y" * 5_000_000 + b'"}}',
    "5 MB of nothing": b" " * 5_000_000,
    "many fields": json.dumps({f"field{n}": n for n in range(50_000)}).encode(),
}

# Values for a field, most of them of a type that it does not take.
VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 1e308, 2**63, 2**64 - 1, -(2**63), "", " ", NUL, "\0", LONG, "\u202e", "💥" * 300,
    "'; DROP TABLE signalbox_run; --", "../../etc/passwd", [], [[]], [None], {}, {"": 1}, {NUL: NUL},
    {"a": {"b": [NUL]}},
]  # fmt: skip

HUGE_NUMBERS = [b"1e400", b"-1e400", b"9" * 5_000, b"1." + b"0" * 5_000 + b"1", b"1e-5000"]

CONTENT_TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain",
    "text/xml",
    "application/json; charset=utf-16",
    "application/json; charset=nonsense",
    "nonsense",
    "",
]

# Parts of a path, encoded as they are sent.
SEGMENTS = [
    "nonsense", "a%00b", "%00", "%ff%fe", "%ed%a0%80", "%", "%zz", "%u0000", "%25", "%2e%2e", "%F0%9F%92%A5",
    "0" * 26, "Z" * 26, "8" + "Z" * 25, "i" * 26, "-" * 26, "%20", "'%22%3Cscript%3E", "x" * 5_000, "%0d%0aX-Evil:%201",
    "%C3%A9" * 26, "01ARZ3NDEKTSV4RRFFQ69G5FA%00", "null", "-1", "9" * 400,
]  # fmt: skip

# Values of a parameter in a query string, encoded as they are sent.
QUERY_VALUES = [
    "", "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%", "%zz", "-1", "0", "1e400", "nan", "inf", "9" * 5_000, "1.5",
    "x" * 20_000, "%5B%5D", "%7B%7D", "null", "true", "'%20OR%201=1", "cnVuczo", "cnVuczow", "====", "%F0%9F%92%A5",
    "\u0661", "٣", "2026-13-45", "%0d%0a", "_", "1_000", "+5", "0x10",
]  # fmt: skip


def field_bodies(schema: Mapping[str, Any], sound: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Bodies that are sound except for one field: each value in each field, and fields that there are none of."""
    for field in schema["properties"]:
        for value in VALUES:
            yield f"{field} = {value!r:.40}", json.dumps({**sound, field: value}).encode()
        for number in HUGE_NUMBERS:
            body = json.dumps({**sound, field: "@"}).encode().replace(b'"@"', number)
            yield f"{field} = {number[:20]!r}", body
        twice = json.dumps(dict(sound))[:-1] + (", " if sound else "") + f'"{field}": 1, "{field}": "\\u0000"}}'
        yield f"{field} twice", twice.encode()
    yield "a field that is none", json.dumps({**sound, "\0": 1, "__proto__": {}}).encode()
