"""The text of an expression to its tree: tokens and a Pratt parser."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.core.errors import InvalidExpression
from orchestrator.core.syntax import CHAINS, METHODS, POWERS, UNARY_POWER, Apply, Literal, Node, Path

MAX_LENGTH = 2000
MAX_DEPTH = 30
CONSTANTS = {"true": True, "false": False, "null": None}

TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
          | (?P<name>[^\W\d]\w*)
          | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
          | (?P<op>&&|\|\||[=!<>]=|[<>!()\[\].,+\-*/]))""",
    re.VERBOSE | re.DOTALL,
)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    position: int


def parse(text: str, *, max_length: int = MAX_LENGTH, max_depth: int = MAX_DEPTH) -> Node:
    """The tree of an expression. Raises InvalidExpression with the position of what cannot be read."""
    if len(text) > max_length:
        raise InvalidExpression(f"expression has {len(text)} characters: write at most {max_length}", max_length)
    parser = _Parser(text, max_depth)
    node = parser.expression(0)
    parser.expect_end()
    return node


class _Parser:
    def __init__(self, text: str, max_depth: int) -> None:
        self.text, self.max_depth = text, max_depth
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0

    def expression(self, above: int) -> Node:
        """Reads as far as operators bind tighter than ``above``."""
        self.depth += 1
        if self.depth > self.max_depth:
            raise self.fault(f"nested over {self.max_depth} levels deep")
        left = self.postfix(self.prefix())
        while POWERS.get(self.peek.text, 0) > above and self.peek.kind in ("op", "name"):
            token = self.take()
            right = self.expression(POWERS[token.text])
            left = self.build(token.text, (*self.chained(token.text, left), right), token.position)
        self.depth -= 1
        return left

    def prefix(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return Literal(_number(token))
        if token.kind == "string":
            return Literal(_unescape(token))
        if token.kind == "name":
            return self.name(token)
        if token.text == "(":
            node = self.expression(0)
            self.expect(")")
            return node
        if token.text == "[":
            return self.build("list", self.items("]"), token.position)
        if token.text in ("!", "-"):
            operand = self.expression(UNARY_POWER)
            if token.text == "-" and isinstance(operand, Literal) and type(operand.value) in (int, float):
                return Literal(-operand.value)
            return self.build("!" if token.text == "!" else "neg", (operand,), token.position)
        self.at -= 1
        raise self.fault("a value is missing")

    def name(self, token: Token) -> Node:
        if token.text in CONSTANTS:
            return Literal(CONSTANTS[token.text])
        if token.text == "in":
            self.at -= 1
            raise self.fault("a value is missing")
        if self.peek.text != "(" or self.peek.kind != "op":
            return Path(token.text)
        self.take()
        return self.call(token, self.items(")"))

    def call(self, token: Token, args: tuple[Node, ...]) -> Node:
        match token.text, args:
            case "size", [_]:
                return self.build("size", args, token.position)
            case "has", [Path()]:
                return self.build("has", args, token.position)
            case "json_parse", [Literal(str(text))]:
                try:
                    return Literal(orjson.loads(text))
                except orjson.JSONDecodeError as error:
                    raise InvalidExpression(f"json_parse: {error}", token.position) from None
        known = "has(path), size(value), json_parse(text)"
        raise InvalidExpression(f"{token.text}() is not a function here: known are {known}", token.position)

    def postfix(self, node: Node) -> Node:
        while self.peek.kind == "op" and self.peek.text in (".", "["):
            token = self.take()
            if token.text == ".":
                member = self.take("name")
                if self.peek.kind == "op" and self.peek.text == "(":
                    node = self.method(node, member)
                    continue
                key: Any = member.text
            else:
                index = self.expression(0)
                key = index.value if isinstance(index, Literal) else None
                self.expect("]")
            if not isinstance(node, Path) or not _is_key(key):
                raise InvalidExpression('only a name can be followed by .key, ["key"] or [0]', token.position)
            node = Path(node.root, (*node.keys, key))
        return node

    def method(self, receiver: Node, token: Token) -> Node:
        self.take()
        args = self.items(")")
        if METHODS.get(token.text) != len(args):
            known = ", ".join(f".{name}({'text' * count})" for name, count in METHODS.items())
            raise InvalidExpression(f".{token.text}() is not a method here: known are {known}", token.position)
        return self.build(token.text, (receiver, *args), token.position)

    def items(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while self.peek.text != end or self.peek.kind != "op":
            if items:
                self.expect(",")
            items.append(self.expression(0))
        self.take()
        return tuple(items)

    def chained(self, op: str, left: Node) -> tuple[Node, ...]:
        return left.args if op in CHAINS and isinstance(left, Apply) and left.op == op else (left,)

    def build(self, op: str, args: tuple[Node, ...], position: int) -> Node:
        node = Apply(op, args, position)
        if node.height > self.max_depth:
            raise InvalidExpression(f"expression is nested over {self.max_depth} levels deep", position)
        return node

    @property
    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self, kind: str = "") -> Token:
        token = self.peek
        if kind and token.kind != kind:
            raise self.fault(f"a {kind} is missing")
        self.at += 1
        return token

    def expect(self, text: str) -> None:
        if self.peek.kind != "op" or self.peek.text != text:
            raise self.fault(f"{text!r} is missing")
        self.at += 1

    def expect_end(self) -> None:
        if self.peek.kind != "end":
            raise self.fault("an operator is missing")

    def fault(self, what: str) -> InvalidExpression:
        token = self.peek
        place = "at the end" if token.kind == "end" else f"before {token.text!r:.40} at {token.position}"
        return InvalidExpression(f"{what} {place} of expression {self.text!r:.200}", token.position)


def _tokens(text: str) -> Iterator[Token]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            position += len(text[position:]) - len(text[position:].lstrip())
            hint = ": write == to compare" if text[position] == "=" else ""
            raise InvalidExpression(f"{text[position]!r} at {position} cannot be read{hint}", position)
        yield Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))
        position = match.end()
    yield Token("end", "", len(text))


def _number(token: Token) -> int | float:
    number = float(token.text) if any(c in token.text for c in ".eE") else int(token.text)
    if not (math.isfinite(number) if isinstance(number, float) else number < 2**64):
        raise InvalidExpression(f"{token.text:.40} is too large a number", token.position)
    return number


def _is_key(key: object) -> bool:
    return isinstance(key, str) or (type(key) is int and key >= 0)


def _unescape(token: Token) -> str:
    def unescape(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        if escape not in ESCAPES:
            raise InvalidExpression(f"\\{escape} is not an escape", token.position + 1 + match.start())
        return ESCAPES[escape]

    text = ESCAPE.sub(unescape, token.text[1:-1])
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")  # joins pairs of \u escapes
    except UnicodeDecodeError:
        raise InvalidExpression("text has a lone surrogate, which is not Unicode", token.position) from None
