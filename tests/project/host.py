"""A Django project outside this tree, made by following docs/django-project.md, in a venv with the built wheel."""

import os
import re
import socket
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from tests.docs.page import ROOT, named_blocks
from tests.eventually import eventually

PAGE = "docs/django-project.md"
MODELS = """from django.db import models


class Order(models.Model):
    title = models.TextField()
"""
MIGRATION = """from django.db import migrations, models


class Migration(migrations.Migration):
    fields = [("id", models.BigAutoField(primary_key=True)), ("title", models.TextField())]
    operations = [migrations.CreateModel("Order", fields)]
"""
ORDER_ADDRESS = """
from books.views import order

urlpatterns += [path("order", order)]
"""
DEPLOYED = """
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["css", "html", "js", "json", "md", "svg", "txt"]  # 15 s of brotli are no test
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"]},
}
"""
SERVE_WSGI = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
from shop.wsgi import application
make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
"""


def build_wheel(folder: Path) -> Path:
    """The wheel of this tree, built without a network by the backend that pyproject.toml names."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return wheel


class HostProject:
    """The project ``shop`` with its app ``books`` in ``folder``; Signalbox comes from ``wheel`` alone."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder / "site"
        self.python = folder / "venv/bin/python"
        self.address = ""
        self._browser = build_opener(HTTPCookieProcessor(CookieJar()))
        ours = re.compile("^(DJANGO_|SIGNALBOX_|PYTHON|DATABASE_|SECRET_KEY|ALLOWED_HOSTS)")
        self._env = {name: value for name, value in os.environ.items() if not ours.match(name)}
        self._make_venv(folder / "venv", wheel)
        self._make_project()

    def _make_venv(self, folder: Path, wheel: Path) -> None:
        """What Signalbox depends on is borrowed from the venv that runs the tests."""
        venv.create(folder, with_pip=False, symlinks=True)
        [packages] = folder.glob("lib/python*/site-packages")
        (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet", "--no-compile"]
        options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
        subprocess.run([*pip, *options, str(wheel)], check=True, env=self._env)

    def _make_project(self) -> None:
        self.folder.mkdir()
        self.run("-m", "django", "startproject", "shop", ".")
        books = self.folder / "books"
        (books / "migrations").mkdir(parents=True)
        for package in (books, books / "migrations"):
            (package / "__init__.py").touch()
        (books / "models.py").write_text(MODELS)
        (books / "migrations/0001_order.py").write_text(MIGRATION)
        for path, source in named_blocks(PAGE):
            file = self.folder / path
            added_to = path.endswith(("settings.py", "urls.py"))
            file.write_text((file.read_text() if added_to else "") + source)
        for name, more in (("settings", DEPLOYED), ("urls", ORDER_ADDRESS)):
            with (self.folder / f"shop/{name}.py").open("a") as file:
                file.write(more)

    def run(self, *arguments: str, **env: str) -> str:
        """The output of a Python program in the project. Raises AssertionError when it fails."""
        command = [str(self.python), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self._env | env, capture_output=True, text=True)
        assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A Python program that runs meanwhile; its output is printed at the end."""
        log = self.folder / f"{len(list(self.folder.glob('*.log')))}.log"
        with log.open("wb") as file:
            command = [str(self.python), "-u", *arguments]
            process = subprocess.Popen(command, cwd=self.folder, env=self._env, stdout=file, stderr=file)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            sys.stdout.write(f"{arguments[0]} printed:\n{log.read_text(errors='replace')}\n")

    @contextmanager
    def serving(self, interface: str) -> Iterator[None]:
        """The site, served by wsgiref or by Daphne at ``address``."""
        port = _free_port()
        self.address = f"http://127.0.0.1:{port}"
        program = (
            ["-c", SERVE_WSGI, str(port)]
            if interface == "wsgi"
            else ["-m", "daphne", "-p", str(port), "shop.asgi:application"]
        )
        with self.running(*program):
            eventually(lambda: self._answers(), within_seconds=20)
            yield

    def _answers(self) -> bool:
        try:
            return bool(self.get("/admin/login/"))
        except URLError:
            return False

    def get(self, path: str) -> str:
        """The page at ``path``, cookies and redirects included. Raises HTTPError."""
        with self._browser.open(self.address + path, timeout=10) as answer:
            return str(answer.read().decode())

    def post(self, path: str, **fields: str) -> int:
        """The status of a form that was sent to ``path``."""
        try:
            with self._browser.open(self.address + path, urlencode(fields).encode(), timeout=10) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def size(self, path: str) -> int:
        with self._browser.open(self.address + path, timeout=10) as answer:
            return len(answer.read())

    def cookies(self) -> str:
        jar: Any = next(h.cookiejar for h in self._browser.handlers if isinstance(h, HTTPCookieProcessor))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
