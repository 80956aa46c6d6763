"""A RabbitMQ of the test's own: its node, ports and files lie in a folder and end with it."""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.eventually import eventually


def find_rabbitmq() -> str | None:
    """The program itself: Debian's wrapper on the PATH changes the user."""
    packaged = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return str(packaged) if packaged.exists() else shutil.which("rabbitmq-server")


class RabbitMQ:
    """``url`` is what Celery takes as its broker."""

    def __init__(self, folder: Path) -> None:
        program = find_rabbitmq()
        assert program, "RabbitMQ is not installed"
        self._port, distribution, names = _free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"
        plugins = folder / "enabled_plugins"
        plugins.write_text("[].\n")
        self._env = os.environ | {
            "HOME": str(folder),  # of the cookie
            "ERL_EPMD_PORT": str(names),
            "RABBITMQ_NODENAME": f"signalbox{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        }
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._server = subprocess.Popen([program], env=self._env, start_new_session=True, **quiet)  # type: ignore[call-overload]
        eventually(self._listens, within_seconds=90)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait(10)
        subprocess.run(["epmd", "-kill"], env=self._env, capture_output=True, check=False)

    def _listens(self) -> bool:
        assert self._server.poll() is None, "RabbitMQ did not start"
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return client.recv(1) == b"\x01"
        return False


def _free_ports(number: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
