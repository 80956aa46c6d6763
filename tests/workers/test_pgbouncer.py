"""PostgreSQL behind pgbouncer in transaction mode: no session keeps anything, and all is done all the same."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.chaos.conftest import chaos_env
from tests.chaos.ledger import Ledger
from tests.chaos.witness import Witness
from tests.chaos.world import World
from tests.eventually import eventually
from tests.workers.installation import Installation
from tests.workers.test_celery import free_port

__all__ = ["chaos_env", "free_port"]
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not shutil.which("pgbouncer"), reason="pgbouncer is not installed; apt install pgbouncer"),
]
CONFIGURATION = """[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listens}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
ignore_startup_parameters = extra_float_digits
"""


@pytest.fixture
def pooled_url(database_url: str) -> Iterator[str]:
    """The same database, by way of five connections that are lent for a transaction each."""
    settings = connection.settings_dict
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="signalbox-pgbouncer-"))
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    chosen = {name: settings[key] or {"port": 5432, "password": "-"}.get(name, "") for name, key in names.items()}
    (folder / "pgbouncer.ini").write_text(CONFIGURATION.format(listens=port, **chosen))
    folder.chmod(0o755)
    unprivileged = Path(settings["HOST"]).owner() if settings["HOST"].startswith("/") else "nobody"
    user = ["-u", unprivileged] if os.geteuid() == 0 else []  # it refuses to run as root
    pool = subprocess.Popen(["pgbouncer", "-q", *user, str(folder / "pgbouncer.ini")])
    eventually(lambda: _listens(port))
    yield f"postgres://{settings['USER']}@127.0.0.1:{port}/{database_url.rpartition('/')[2]}"
    pool.kill()
    pool.wait(10)
    shutil.rmtree(folder)


def test_an_engine_works_through_a_pool_of_transactions(
    tmp_path: Path, chaos_env: dict[str, str], database_url: str, pooled_url: str, free_port: int
) -> None:
    pool = {"DATABASE_TRANSACTION_POOL": "on", "DATABASE_POOL_SIZE": "0", "DATABASE_URL": pooled_url}
    installation = Installation(tmp_path, {**chaos_env, "DATABASE_URL": database_url})  # migrated past the pool
    installation.env.update(pool)
    try:
        installation.engine("engine")
        site = installation.web(free_port)
        installation.wait_until_ready()
        world = World(site, Witness(Path(chaos_env["CHAOS_WITNESS"])), Ledger(database_url, Path()))
        accepted = world.ask("errand/asked", "errand/asked-in-threads", count=5)
        world.all_complete(20, within_seconds=60)  # each with its child
        world.assert_exact(accepted)
    finally:
        installation.end()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
