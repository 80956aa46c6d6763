"""docs/operating.md: the backup works beside a running installation, and the commands it names are there."""

import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.db import connection

from orchestrator.models import Event
from tests.docs.page import ROOT, commands, named_blocks

PAGE = "docs/operating.md"
MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_the_backup_has_what_is_still_in_the_write_ahead_log(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has backups of its own")
    Event.objects.create(id="01JD0000000000000000000000", env=1, name="kept", data={}, ts=MOMENT, received_at=MOMENT)
    [(name, program)] = named_blocks(PAGE)
    (tmp_path / name).write_text(program)
    [command] = [line for line in commands(PAGE) if line.startswith(f"python {name}")]
    copy = tmp_path / command.split()[-1]
    arguments = [sys.executable, name, str(connection.settings_dict["NAME"]), copy.name]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("ok\n", "")
    with sqlite3.connect(copy) as restored:
        assert restored.execute("SELECT name FROM signalbox_event").fetchall() == [("kept",)]
    restored.close()


def test_the_commands_of_the_page_exist() -> None:
    named = set(re.findall(r"manage\.py (\w+)", (ROOT / PAGE).read_text()))
    assert {"engine", "doctor", "migrate"} <= named
    assert named - set(get_commands()) == set()
