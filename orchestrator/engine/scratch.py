"""Directories for files of runs that need not last longer than the run."""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from django.db import connections

from orchestrator.conf import Settings
from orchestrator.core.errors import InvalidId
from orchestrator.core.ids import parse_id
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.sql import Id

STRANGER_SECONDS = 7 * 86_400.0  # a directory whose run nobody knows may be that of another database


class Scratch:
    """On this host. A run's directory is made when it is asked for."""

    def __init__(self, config: Settings) -> None:
        self._root = _root(config)

    def path(self, run: str) -> Path:
        return self._root / run

    def remove(self, run: str) -> None:
        with suppress(OSError):  # what still writes there keeps it until the next sweep
            shutil.rmtree(self.path(run))

    def runs(self) -> list[str]:
        """Those that have one here."""
        try:
            return [name for name in os.listdir(self._root) if _is_id(name)]
        except OSError:
            return []

    def sweep(self, running: Sequence[str], ended: Sequence[str]) -> None:
        """Removes those of ended runs, and old ones of runs that are not known at all."""
        for run in set(self.runs()) - set(running):
            if run in ended or self._age_seconds(run) > STRANGER_SECONDS:
                self.remove(run)

    def _age_seconds(self, run: str) -> float:
        try:
            return time.time() - self.path(run).stat().st_mtime
        except OSError:
            return 0.0


def known_runs(tx: Tx, runs: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of these: those under way, and those that have ended."""
    if not runs:
        return [], []
    condition, params = tx.db.any_of("id", [Id(run) for run in runs])
    rows = tx.db.query(f"SELECT id, ended_at FROM signalbox_run WHERE {condition}", params)
    return (
        [tx.db.id(run) for run, ended_at in rows if ended_at is None],
        [tx.db.id(run) for run, ended_at in rows if ended_at is not None],
    )


def _root(config: Settings) -> Path:
    wrapper = connections[config.database]
    name = str(wrapper.settings_dict["NAME"])
    if config.home is not None:
        return config.home / "scratch"
    if wrapper.vendor == "sqlite" and "memory" not in name:
        return Path(name).resolve().parent / "scratch"
    return Path(tempfile.gettempdir()) / f"signalbox-{os.getuid()}" / "scratch"


def _is_id(name: str) -> bool:
    try:
        return parse_id(name) == name
    except InvalidId:
        return False
