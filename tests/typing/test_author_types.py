"""The types that authors see, checked as in a project of their own: mypy --strict, without our configuration."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"
ERROR = re.compile(r"^[^:]+:(\d+): error: .*\[([\w-]+)\]$", re.MULTILINE)
EXPECTED = re.compile(r"# E: (.+)$")
Found = Counter[tuple[int, str]]


@pytest.fixture
def errors_in(pytestconfig: pytest.Config, tmp_path: Path) -> Callable[[str], Found]:
    """Line and code of each error in a program."""
    cache = pytestconfig.cache.mkdir("mypy") if pytestconfig.cache else tmp_path
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--follow-imports=silent",
        f"--cache-dir={cache}",
    ]
    env = os.environ | {"MYPYPATH": str(ROOT)}

    def check(program: str) -> Found:
        done = subprocess.run([*command, PROGRAMS / program], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return Counter((int(line), code) for line, code in ERROR.findall(done.stdout))

    return check


def test_right_programs_pass_mypy_strict(errors_in: Callable[[str], Found]) -> None:
    assert not errors_in("right.py")


def test_wrong_programs_are_type_errors(errors_in: Callable[[str], Found]) -> None:
    lines = enumerate((PROGRAMS / "wrong.py").read_text().splitlines(), 1)
    expected = Counter(
        (number, code) for number, line in lines for codes in EXPECTED.findall(line) for code in codes.split(", ")
    )
    found = errors_in("wrong.py")
    assert found == expected, f"not refused: {expected - found}; refused too: {found - expected}"
