"""The words of an expression."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.core.errors import InvalidExpression

TOKEN = re.compile(
    r"""(?:\s|//[^\n]*)*
        (?:(?P<number>0[xX][0-9a-fA-F]+[uU]?
                     |[0-9]+(?:(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)|\.[0-9]+|[uU]\b)?
                     |(?<![\w\])"'])\.[0-9]+(?:[eE][+-]?[0-9]+)?)
          | (?P<string>(?:[bB]?[rR]|[rR][bB])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
                      |[bB]?(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}
                              |"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))
          | (?P<name>[^\W\d]\w*)
          | (?P<op>&&|\|\||[=!<>]=|[<>!()\[\]{}.,?:+\-*/%])
          | (?P<end>\Z))""",
    re.VERBOSE | re.DOTALL,
)
QUOTED = re.compile(r"([a-zA-Z]*)(\"{3}|'{3}|[\"'])(.*)\2", re.DOTALL)
ESCAPE = re.compile(r"\\([xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|.)", re.DOTALL)
ESCAPES = dict(zip("nrtbfav/\\\"'?`", "\n\r\t\b\f\a\v/\\\"'?`", strict=True))


class Token(NamedTuple):
    kind: str
    text: str
    position: int


def tokens(text: str) -> Iterator[Token]:
    """Ends with a token of the kind "end". Raises InvalidExpression with the position of what is no word."""
    position = 0
    while position <= len(text):
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            position += len(text[position:]) - len(text[position:].lstrip())
            hint = ": write == to compare" if text[position] == "=" else ""
            raise InvalidExpression(f"{text[position]!r} at {position} cannot be read{hint}", position)
        kind = match.lastgroup
        yield Token(kind, match[kind], len(text) if kind == "end" else match.start(kind))
        if kind == "end":
            return
        position = match.end()


def number_of(token: Token) -> int | float:
    """The number that a token writes: 5, 5u, 0x1F, 1.5e3."""
    text = token.text.rstrip("uU").lower()
    if text.startswith("0x"):
        number: int | float = int(text, 16)
    else:
        number = float(text) if any(c in text for c in ".e") else int(text)
    if not (math.isfinite(number) if isinstance(number, float) else number < 2**64):
        raise InvalidExpression(f"{token.text:.40} is too large a number", token.position)
    return number


def text_in(token: Token) -> str | bytes:
    """The text or the bytes that a token quotes: "a", 'a', r"\\d", b"a", and all of them in three quotes."""
    match = QUOTED.fullmatch(token.text)
    assert match is not None  # the token was found by the same rules
    prefix, quotes, inner = match.groups()
    if "b" in prefix.lower():
        return inner.encode() if "r" in prefix.lower() else _bytes(inner, token)
    if "r" in prefix.lower():
        return inner
    text = ESCAPE.sub(lambda escape: _character(escape, token, len(prefix + quotes)), inner)
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")  # joins pairs of \u escapes
    except UnicodeDecodeError:
        raise InvalidExpression("text has a lone surrogate, which is not Unicode", token.position) from None


def _bytes(inner: str, token: Token) -> bytes:
    """In bytes \\xFF and \\377 are a byte, other characters are UTF-8."""
    parts, position = [], 0
    for escape in ESCAPE.finditer(inner):
        parts.append(inner[position : escape.start()].encode())
        character = _character(escape, token, token.text.index(inner))
        parts.append(character.encode("utf-8" if escape[1][0] in "uU" else "latin-1"))
        position = escape.end()
    return b"".join([*parts, inner[position:].encode()])


def _character(match: re.Match[str], token: Token, before: int) -> str:
    escape = match[1]
    if escape[0] in "xXuU" and len(escape) > 1:
        code = int(escape[1:], 16)
    elif len(escape) == 3:
        code = int(escape, 8)
    elif escape in ESCAPES:
        return ESCAPES[escape]
    else:
        raise InvalidExpression(f"\\{escape} is not an escape", token.position + before + match.start())
    if code > 0x10FFFF:
        raise InvalidExpression(f"\\{escape} is not Unicode", token.position + before + match.start())
    return chr(code)
