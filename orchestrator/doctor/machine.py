"""The machine: a home that can be written, and room on its disk."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from orchestrator.doctor.findings import Finding, fail, ok, warn

MEGABYTE = 1024 * 1024
LITTLE = 1024 * MEGABYTE
NONE = 100 * MEGABYTE


def examine_home(home: Path) -> Iterator[Finding]:
    """The folder of the engine's lock and, on SQLite, of the database."""
    try:
        with tempfile.TemporaryFile(dir=home):
            yield ok("Home", f"{home} can be written")
    except OSError as error:
        hint = "Make the folder and give it to the user who runs this, or set SIGNALBOX_HOME to another."
        yield fail("Home", f"{home} cannot be written: {error.strerror}", hint)
        return
    yield judge_room(shutil.disk_usage(home).free)


def judge_room(free_bytes: int) -> Finding:
    """Whether the disk has room."""
    text = f"{free_bytes / 1024**3:.1f} GB free" if free_bytes >= LITTLE else f"{free_bytes // MEGABYTE} MB free"
    hint = "Make room: a full disk stops the engine, though nothing that was acknowledged is lost."
    if free_bytes < NONE:
        return fail("Disk", text, hint)
    return warn("Disk", text, hint) if free_bytes < LITTLE else ok("Disk", text)
