"""Ids: ULIDs as 26 characters outside and 16 bytes in the database; moments and entropy are given by the caller."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from ulid import base32, constants

from orchestrator.core.errors import InvalidId

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# The library goes character by character (3 us an id). These tables take two at a time; tests prove them equal.
CHUNKS = tuple(a + b for a in base32.ENCODE for b in base32.ENCODE)
# int() also reads signs, blanks, underscores and the letters ULIDs leave out: they become "!", which it refuses.
DIGITS = dict(zip(base32.ENCODE.encode(), b"0123456789abcdefghijklmnopqrstuv", strict=True))
TO_PYTHON = bytes(DIGITS.get(code, ord("!")) for code in range(256))


def new_id(at: datetime, entropy: bytes) -> str:
    """The id of ``at`` (to the millisecond) with 10 bytes of ``entropy``."""
    return _compose((at - EPOCH) // MILLISECOND, entropy)


def derived_id(at: datetime, *parts: str) -> str:
    """The same id whenever it is asked for the same moment and parts: what makes a tick or a child unique."""
    digest = blake2b(digest_size=constants.RANDOMNESS_LEN)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)  # the length, so that ("ab", "c") is not ("a", "bc")
    return new_id(at, digest.digest())


def seeded_id(seed_ms: int, seed_entropy: bytes, index: int) -> str:
    """The id of the ``index``-th event (from 1) sent with ``x-inngest-event-id-seed``. Source: Inngest event API.

    The last four bytes of the entropy are a big-endian counter that wraps.
    """
    counter = (int.from_bytes(seed_entropy[6:], "big") + index) % 2**32
    if len(seed_entropy) != constants.RANDOMNESS_LEN:
        raise InvalidId(f"an event id seed has {constants.RANDOMNESS_LEN} bytes of entropy, not {len(seed_entropy)}")
    return _compose(seed_ms, seed_entropy[:6] + counter.to_bytes(4, "big"))


def to_bytes(id: str) -> bytes:
    """The 16 bytes of a canonical id."""
    try:
        raw = id.encode("ascii")
        if len(raw) != constants.REPR_LEN:
            raise ValueError
        return int(raw.translate(TO_PYTHON), 32).to_bytes(16, "big")
    except (ValueError, OverflowError):
        raise InvalidId(_refusal(id)) from None


def from_bytes(raw: bytes) -> str:
    """The 26 characters of 16 bytes."""
    if len(raw) != constants.BYTES_LEN:
        raise InvalidId(f"an id has {constants.BYTES_LEN} bytes, not {len(raw)}")
    n, c = int.from_bytes(raw, "big"), CHUNKS
    return (
        f"{c[n >> 120]}{c[n >> 110 & 1023]}{c[n >> 100 & 1023]}{c[n >> 90 & 1023]}{c[n >> 80 & 1023]}"
        f"{c[n >> 70 & 1023]}{c[n >> 60 & 1023]}{c[n >> 50 & 1023]}{c[n >> 40 & 1023]}{c[n >> 30 & 1023]}"
        f"{c[n >> 20 & 1023]}{c[n >> 10 & 1023]}{c[n & 1023]}"
    )


def parse_id(text: str) -> str:
    """The canonical form of an id that came from outside in either case. Raises InvalidId."""
    if not text.isascii():  # before upper(), which would turn some foreign letters into ours
        raise InvalidId(_refusal(text))
    canonical = text.upper()
    to_bytes(canonical)
    return canonical


def timestamp(id: str) -> datetime:
    """The moment an id was made at, aware UTC, to the millisecond."""
    try:
        return EPOCH + int.from_bytes(to_bytes(id)[: constants.TIMESTAMP_LEN], "big") * MILLISECOND
    except OverflowError:
        raise InvalidId(f"the time in id {id!r} lies after the year 9999") from None


def _compose(milliseconds: int, entropy: bytes) -> str:
    if not 0 <= milliseconds <= constants.MAX_TIMESTAMP:
        raise InvalidId(f"an id cannot hold the time {milliseconds} ms: it goes from 1970 to 10889")
    if len(entropy) != constants.RANDOMNESS_LEN:
        raise InvalidId(f"an id takes {constants.RANDOMNESS_LEN} bytes of entropy, not {len(entropy)}")
    return from_bytes(milliseconds.to_bytes(constants.TIMESTAMP_LEN, "big") + entropy)


def _refusal(text: str) -> str:
    return f"{text[:40]!r} is not an id: ids are 26 characters of {base32.ENCODE}, the first at most 7"
