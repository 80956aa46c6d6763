"""The rules of the house that a program can check: floors, cycles, sizes, sleeps, and files that documents name."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("orchestrator", "console", "examples", "benchmarks", "torture", "scripts", "tests")

# What may import what: only downwards, or within the same entry; entries of one floor are strangers to each other.
FLOORS = {
    "orchestrator.core": 1,
    "orchestrator.client": 2,  # for other services: it knows core only
    "orchestrator.conf": 2,
    "orchestrator.db": 2,
    "orchestrator.models": 3,
    "orchestrator.sdk": 3,
    "orchestrator.migrations": 4,
    "orchestrator.executors": 4,
    "orchestrator.engine": 5,
    "orchestrator.workers": 6,
    "orchestrator": 7,  # the package itself, apps.py, checks.py, testing.py
    "orchestrator.api": 8,
    "orchestrator.admin": 8,
    "orchestrator.management": 9,  # prints what the API answers
    "examples": 8,
    "console": 9,
    "benchmarks": 10,
    "torture": 10,
    "tests": 11,
    "scripts": 12,
}

# Core decides; it does not look at the clock, roll dice, or touch anything outside itself.
IMPURE = {
    "asyncio",
    "logging",
    "os",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}
PURE_LIBRARIES = {
    "annotated_types",
    "cron_descriptor",
    "cronsim",
    "orjson",
    "pydantic",
    "re2",
    "typing_extensions",
    "ulid",
}

LINE_LIMITS = {"*.py": 300, "static/js/*.js": 150, "templates/_*.html": 60}
MAX_FUNCTION_LINES = 50
MAX_POSITIONAL = 5

# A path in backticks or a link counts when it begins like one of ours; others are a reader's own files.
CODE_PATH = re.compile(r"`((?:" + "|".join((*OURS, "docs", "static", "templates")) + r")/[\w./*-]*)`")
LINKED_PATH = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
DOCS_PAGE = re.compile(r"\bdocs/[\w-]+\.md\b")


@dataclass(frozen=True)
class Module:
    """A Python file of ours and what it says."""

    path: Path

    @property
    def place(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(), str(self.path))

    def imports(self, under: ast.AST | None = None) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported, TYPE_CHECKING and functions included."""
        for node in ast.walk(under or self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = node.module or ""
                if node.level:
                    above = self.package.split(".")[: 1 - node.level or None]
                    origin = ".".join([*above, *filter(None, [node.module])])
                yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


MODULES = {module.name: module for folder in OURS for module in map(Module, sorted((ROOT / folder).rglob("*.py")))}
PRODUCT = [module for name, module in MODULES.items() if not name.startswith("tests")]


def entry(name: str) -> str | None:
    """The longest entry of FLOORS that ``name`` belongs to."""
    owners = [owner for owner in FLOORS if name == owner or name.startswith(f"{owner}.")]
    return max(owners, key=len, default=None)


def target(imported: str) -> str | None:
    """The module of ours that ``imported`` names or lies in."""
    while imported and imported not in MODULES:
        imported = imported.rpartition(".")[0]
    return imported or None


def assert_none(wrong: Iterable[str]) -> None:
    lines = sorted(set(wrong))
    assert not lines, "\n" + "\n".join(lines)


def test_imports_point_downwards() -> None:
    wrong = []
    for module in MODULES.values():
        here = entry(module.name)
        for line, imported in module.imports():
            there = entry(target(imported) or "")
            if here and there and here != there and FLOORS[there] >= FLOORS[here]:
                wrong.append(
                    f"{module.place}:{line} imports {imported} (floor {FLOORS[there]}, it stands on {FLOORS[here]})"
                )
    assert_none(wrong)


def test_core_is_pure() -> None:
    allowed = (set(sys.stdlib_module_names) - IMPURE) | PURE_LIBRARIES | {"orchestrator"}
    wrong = [
        f"{module.place}:{line} imports {imported}"
        for module in PRODUCT
        if entry(module.name) == "orchestrator.core"
        for line, imported in module.imports()
        if imported.partition(".")[0] not in allowed
    ]
    assert_none(wrong)


def test_no_module_is_in_an_import_cycle() -> None:
    graph = {
        module.name: {target(imported) for _, imported in module.imports()} - {None, module.name} for module in PRODUCT
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("cycle: " + " -> ".join(error.args[1]))


def test_our_modules_are_imported_at_the_top() -> None:
    wrong = {
        f"{module.place}:{line} {imported}"
        for module in MODULES.values()
        for function in module.functions()
        for line, imported in module.imports(function)
        if imported.partition(".")[0] in OURS
    }
    assert_none(wrong)


@pytest.mark.parametrize(
    "library, allowed, most",
    [
        ("celery", "orchestrator.", 1),  # a doorbell, rung from one place
        ("channels", "console.", 1000),  # the engine knows nothing of browsers
    ],
)
def test_a_library_stays_in_its_place(library: str, allowed: str, most: int) -> None:
    users = {
        module.name
        for module in PRODUCT
        for _, imported in module.imports()
        if imported.partition(".")[0] == library and not module.name.startswith("benchmarks.peers.")
    }
    assert_none(name for name in users if not name.startswith(allowed))
    assert len(users) <= most, users


@pytest.mark.parametrize("pattern, most", LINE_LIMITS.items())
def test_files_are_short(pattern: str, most: int) -> None:
    folder, _, name = pattern.rpartition("/")
    files = [path for top in ([folder] if folder else OURS) for path in (ROOT / top).rglob(name)]
    written = [path for path in files if path.parent.name not in {"migrations", "vendor"}]
    assert_none(f"{path.relative_to(ROOT)}: {lines} lines" for path in written if (lines := _lines(path)) > most)


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_functions_are_short() -> None:
    assert_none(
        f"{module.place}:{function.lineno} {function.name}: {lines} lines"
        for module in MODULES.values()
        for function in module.functions()
        if (lines := (function.end_lineno or function.lineno) - function.lineno + 1) > MAX_FUNCTION_LINES
    )


def test_functions_take_few_positional_parameters() -> None:
    many = []
    for module in PRODUCT:
        for function in module.functions():
            names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
            if len([name for name in names if name not in {"self", "cls"}]) > MAX_POSITIONAL:
                many.append(f"{module.place}:{function.lineno} {function.name}({', '.join(names)})")
    assert_none(many)


def test_no_test_sleeps() -> None:
    sleeps = [
        f"{module.place}:{node.lineno}"
        for module in MODULES.values()
        if module.name.startswith("tests.")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _is_a_sleep(node)
    ]
    assert_none(sleeps)


def _is_a_sleep(call: ast.Call) -> bool:
    """Real time passing: not an author's ``step.sleep``, and not ``asyncio.sleep(0)``, which only yields."""
    name = ast.unparse(call.func)
    yields = [ast.unparse(argument) for argument in call.args] == ["0"]
    return name in {"sleep", "time.sleep", "asyncio.sleep", "anyio.sleep"} and not yields


def test_documents_name_no_missing_files() -> None:
    named = {}
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")]:
        text = page.read_text()
        named |= {(page.name, path): any(ROOT.glob(path.rstrip("/"))) for path in CODE_PATH.findall(text)}
        named |= {(page.name, path): (page.parent / path).exists() for path in LINKED_PATH.findall(text)}
    for module in PRODUCT:
        pages = DOCS_PAGE.findall(module.path.read_text())
        named |= {(module.place, path): (ROOT / path).exists() for path in pages}
    assert_none(f"{page}: {path}" for (page, path), exists in named.items() if not exists)
