"""The Python of a page of the docs: its blocks in order, as one module and as bodies of functions."""

import ast
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"# (wrong|right|before)\n")
FILE_NAME = re.compile(r"# ([\w/.]+\.py)\n")


@dataclass(frozen=True)
class Block:
    """``line`` is where its first line stands in the page, from 1."""

    page: Path
    line: int
    source: str

    @property
    def is_body(self) -> bool:
        """True if it is a part of an async function: it awaits outside of any function of its own."""
        waits = ast.Await, ast.AsyncWith, ast.AsyncFor
        return any(isinstance(node, waits) for statement in ast.parse(self.source).body for node in _own(statement))

    @property
    def mark(self) -> str:
        """``wrong``, ``right`` or ``before`` when a first line says so, else nothing."""
        found = MARK.match(self.source)
        return found[1] if found else ""

    def run_in(self, module: ModuleType) -> None:
        """Executes it as a part of a module; tracebacks show the page."""
        exec(self._compiled(self.source, self.line), vars(module))

    def as_function(self, module: ModuleType) -> Any:
        """An async function of a context, with this block as its body."""
        body = textwrap.indent(self.source, "    ")
        head = "async def body(ctx):\n    order, step = ctx.event.data, ctx.step\n"
        names: dict[str, Any] = {}
        exec(self._compiled(head + body, self.line - 2), vars(module), names)
        return names["body"]

    def _compiled(self, source: str, line: int) -> Any:
        return compile("\n" * (line - 1) + source, str(self.page), "exec")


def blocks(name: str) -> list[Block]:
    """The Python blocks of a page, which is named from the root of the project."""
    page = ROOT / name
    text = page.read_text()
    return [Block(page, text.count("\n", 0, found.start(1)) + 1, found[1]) for found in BLOCK.finditer(text)]


def named_blocks(name: str) -> list[tuple[str, str]]:
    """File and source of the blocks whose first line is a comment with the name of the file they belong to."""
    found = [(FILE_NAME.match(block.source), block.source) for block in blocks(name)]
    return [(named[1], source) for named, source in found if named]


def commands(name: str) -> list[str]:
    """The lines of a page that are indented as commands of a shell, in their order; a ``\\`` at the end goes on."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / name).read_text(), flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.startswith("    ")]


def _own(node: ast.AST) -> list[ast.AST]:
    """The node and all in it that is not inside a function."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return []
    return [node, *(inner for child in ast.iter_child_nodes(node) for inner in _own(child))]
