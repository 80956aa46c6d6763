"""Where the peers live: a virtualenv in the user's cache, made once for each list of requirements."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def peers_python() -> Path:
    """The peers' interpreter. What could not be installed is missing there; the output of pip says why."""
    folder = _cache() / f"peers-{sys.version_info[0]}.{sys.version_info[1]}-{_digest()}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        print(f"installing the peers into {folder}, once", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        if not _install(python, "-r", str(REQUIREMENTS)):  # one that is missing must not keep the others out
            for requirement in _requirements():
                _install(python, requirement)
        done.touch()
    return python


def can_import(python: Path, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0


def _install(python: Path, *what: str) -> bool:
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*pip, *what], stdout=sys.stderr).returncode == 0


def _requirements() -> list[str]:
    lines = REQUIREMENTS.read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "signalbox-benchmarks"


def _digest() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
