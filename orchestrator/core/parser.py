"""The text of an expression to its tree: a Pratt parser."""

from typing import Any

import orjson

from orchestrator.core import patterns
from orchestrator.core.errors import InvalidExpression
from orchestrator.core.functions import CHECKED, CLOCKS, FUNCTIONS
from orchestrator.core.syntax import (
    CHAINS,
    MACROS,
    POWERS,
    TERNARY,
    UNARY_POWER,
    Apply,
    Literal,
    Local,
    Node,
    Path,
)
from orchestrator.core.tokens import Token, number_of, text_in, tokens

MAX_LENGTH = 4096
MAX_DEPTH = 30
CONSTANTS = {"true": True, "false": False, "null": None}
DOCUMENTS = ("event", "async")
CALLED = {name: function for name, function in (FUNCTIONS | CLOCKS).items() if not function.is_method}
METHODS = {name: function for name, function in FUNCTIONS.items() if function.is_method or name == "size"}


def parse(text: str, *, max_length: int = MAX_LENGTH, max_depth: int = MAX_DEPTH) -> Node:
    """The tree of an expression. Raises InvalidExpression with the position of what cannot be read."""
    if len(text) > max_length:
        raise InvalidExpression(f"expression has {len(text)} characters: write at most {max_length}", max_length)
    parser = _Parser(text, max_depth)
    node = parser.expression(0)
    parser.expect_end()
    return node


def check(node: Node) -> None:
    """Raises InvalidExpression for what an author wrote out and no event can mend: a pattern, a date, a number."""
    if not isinstance(node, Apply):
        return
    if node.op == "index" and isinstance(node.args[1], Literal) and not _is_key(node.args[1].value):
        raise InvalidExpression('a key is text or a position from 0: .key, ["key"] or [0]', node.position)
    literals = [arg.value for arg in node.args if isinstance(arg, Literal)]
    try:
        if node.op == "matches" and isinstance(node.args[1], Literal) and isinstance(node.args[1].value, str):
            patterns.check(node.args[1].value)
        if node.op in CHECKED and len(literals) == len(node.args):
            FUNCTIONS[node.op](*literals)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise InvalidExpression(f"{node.op}: {error}", node.position) from None
    for arg in node.args:
        check(arg)


class _Parser:
    def __init__(self, text: str, max_depth: int) -> None:
        self.text, self.max_depth = text, max_depth
        self.tokens = list(tokens(text))
        self.at = 0
        self.depth = 0
        self.variables: list[str] = []  # of the macros around

    def expression(self, above: int) -> Node:
        """Reads as far as operators bind tighter than ``above``."""
        self.depth += 1
        if self.depth > self.max_depth:
            raise self.fault(f"nested over {self.max_depth} levels deep")
        left = self.postfix(self.prefix())
        while POWERS.get(self.peek.text, 0) > above and self.peek.kind in ("op", "name"):
            token = self.take()
            if token.text == TERNARY:
                yes = self.expression(1)
                self.expect(":")
                left = self.build(TERNARY, (left, yes, self.expression(0)), token.position)
                continue
            right = self.expression(POWERS[token.text])
            left = self.build(token.text, (*self.chained(token.text, left), right), token.position)
        self.depth -= 1
        return left

    def prefix(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return Literal(number_of(token))
        if token.kind == "string":
            return Literal(text_in(token))
        if token.kind == "name":
            return self.name(token)
        if token.text == "(":
            node = self.expression(0)
            self.expect(")")
            return node
        if token.text == "[":
            return self.build("list", self.items("]"), token.position)
        if token.text == "{":
            return self.build("object", self.pairs(), token.position)
        if token.text in ("!", "-"):
            return self.unary(token)
        self.at -= 1
        raise self.fault("a value is missing")

    def unary(self, token: Token) -> Node:
        operand = self.expression(UNARY_POWER)
        if token.text == "-" and isinstance(operand, Literal) and type(operand.value) in (int, float):
            return Literal(-operand.value)
        return self.build("!" if token.text == "!" else "neg", (operand,), token.position)

    def name(self, token: Token) -> Node:
        if token.text in CONSTANTS:
            return Literal(CONSTANTS[token.text])
        if token.text == "in":
            self.at -= 1
            raise self.fault("a value is missing")
        if self.peek.text != "(" or self.peek.kind != "op":
            return (Local if token.text in self.variables else Path)(token.text, (), token.position)
        self.take()
        return self.call(token, self.items(")"))

    def call(self, token: Token, args: tuple[Node, ...]) -> Node:
        if token.text == "has" and len(args) == 1:
            if isinstance(args[0], Path) or (isinstance(args[0], Apply) and args[0].op == "index"):
                return self.build("has", args, token.position)
            raise InvalidExpression("has() asks for a path, such as has(event.data.coupon)", token.position)
        if token.text not in CALLED:
            known = ", ".join(["has", *CALLED])
            raise InvalidExpression(f"{token.text}() is not a function here: known are {known}", token.position)
        self.count(token, len(args), CALLED[token.text].takes)
        if token.text == "json_parse" and isinstance(args[0], Literal) and isinstance(args[0].value, str):
            return self.document(args[0].value) or self.build("json_parse", args, token.position)
        return self.build(token.text, args, token.position)

    def document(self, text: str) -> Literal | None:
        try:
            return Literal(orjson.loads(text))
        except orjson.JSONDecodeError:
            return None

    def postfix(self, node: Node) -> Node:
        while self.peek.kind == "op" and self.peek.text in (".", "["):
            token = self.take()
            if token.text == ".":
                member = self.take("name")
                if self.peek.kind == "op" and self.peek.text == "(":
                    self.take()
                    node = self.macro(node, member) if member.text in MACROS else self.method(node, member)
                    continue
                node = self.step(node, Literal(member.text), token)
            else:
                key = self.expression(0)
                self.expect("]")
                node = self.step(node, key, token)
        return node

    def step(self, node: Node, key: Node, token: Token) -> Node:
        if isinstance(node, Path) and isinstance(key, Literal) and _is_key(key.value):
            return type(node)(node.root, (*node.keys, key.value), node.position)
        return self.build("index", (node, key), token.position)

    def method(self, receiver: Node, token: Token) -> Node:
        args = (receiver, *self.items(")"))
        if token.text not in METHODS:
            known = ", ".join([*METHODS, *MACROS])
            raise InvalidExpression(f".{token.text}() is not a method here: known are {known}", token.position)
        self.count(token, len(args), METHODS[token.text].takes, receiver=1)
        return self.build(token.text, args, token.position)

    def macro(self, over: Node, token: Token) -> Node:
        variable = self.take("name")
        if variable.text in (*CONSTANTS, *DOCUMENTS, "in"):
            raise InvalidExpression(f"{variable.text!r} cannot be the name of a variable", variable.position)
        self.expect(",")
        self.variables.append(variable.text)
        bodies = self.items(")")
        self.variables.pop()
        args = (over, Local(variable.text, (), variable.position), *bodies)
        self.count(token, len(args), MACROS[token.text], receiver=1)
        return self.build(token.text, args, token.position)

    def count(self, token: Token, found: int, takes: tuple[int, int], receiver: int = 0) -> None:
        least, most = takes[0] - receiver, takes[1] - receiver
        if not least <= found - receiver <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise InvalidExpression(
                f"{token.text}() takes {wanted} values here, not {found - receiver}", token.position
            )

    def items(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while self.peek.text != end or self.peek.kind != "op":
            if items:
                self.expect(",")
                if end != ")" and self.peek.kind == "op" and self.peek.text == end:
                    break
            items.append(self.expression(0))
        self.take()
        return tuple(items)

    def pairs(self) -> tuple[Node, ...]:
        pairs: list[Node] = []
        while self.peek.text != "}" or self.peek.kind != "op":
            if pairs:
                self.expect(",")
                if self.peek.kind == "op" and self.peek.text == "}":
                    break
            pairs.append(self.expression(0))
            self.expect(":")
            pairs.append(self.expression(0))
        self.take()
        return tuple(pairs)

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


def _is_key(key: Any) -> bool:
    return isinstance(key, str) or (type(key) is int and key >= 0)
