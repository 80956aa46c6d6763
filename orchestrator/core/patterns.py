"""Regular expressions over text that nobody vetted: RE2 runs in time linear in the text, whatever the pattern."""

from functools import lru_cache

import re2

LONGEST_PATTERN = 1000
OPTIONS = re2.Options()
OPTIONS.log_errors = False
OPTIONS.max_mem = 1 << 20  # also bounds what x{1000}{1000} may grow to


def found(text: str, pattern: str) -> bool:
    """True if the pattern fits a part of the text. Raises ValueError for what is no pattern."""
    return _compiled(pattern).search(text) is not None


def check(pattern: str) -> None:
    """Raises ValueError for what is no pattern."""
    _compiled(pattern)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> "re2._Regexp[str]":
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern has at most {LONGEST_PATTERN} characters")
    try:
        return re2.compile(pattern, OPTIONS)
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None
