"""The wheel in another Django project, as docs/django-project.md tells it: under WSGI and under ASGI."""

import base64
import os
import re
import socket
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestrator.conf import Settings
from tests.docs.page import ROOT, commands
from tests.eventually import eventually
from tests.project.host import PAGE, HostProject, build_wheel

OPERATOR = {"username": "ada", "password": "an operator's secret"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


def test_the_wheel_has_every_template_and_static_file(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    templates = {path.relative_to(ROOT / "templates") for path in (ROOT / "templates").rglob("*.html")}
    pages = {path for path in templates if path.parts[0] == "console"}
    admin = {path for path in templates if path.parts[:2] == ("admin", "orchestrator")}
    assert {f"console/templates/{path}" for path in pages} <= inside
    assert {f"orchestrator/templates/{path}" for path in admin} <= inside
    assert {f"console/project_templates/{path}" for path in templates - pages - admin} <= inside
    static = [path for path in (ROOT / "static").rglob("*") if path.is_file()]
    assert {f"console/static/{path.relative_to(ROOT / 'static')}" for path in static} <= inside


def test_the_wheel_has_types_and_migrations_and_nothing_of_the_tests(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert "orchestrator/py.typed" in inside
    assert {
        f"orchestrator/migrations/{path.name}" for path in (ROOT / "orchestrator/migrations").glob("*.py")
    } <= inside
    assert {name.partition("/")[0] for name in inside} == {"orchestrator", "console", "signalbox-0.1.0.dist-info"}


@pytest.mark.skipif(os.environ.get("DATABASE_URL", "").startswith("postgres"), reason="the project is on SQLite")
def test_a_project_with_the_wheel_runs_functions_and_shows_them(wheel: Path, tmp_path: Path) -> None:
    project = HostProject(tmp_path, wheel)
    told = [line.removeprefix("python ").split() for line in commands(PAGE) if "manage.py" in line]
    migrate, create_operator, collect, engine = told[:4]
    assert "site-packages/console" in project.run("-c", "import console; print(console.__file__)")
    project.run(*migrate)
    project.run(*create_operator, "--noinput", **operator_in_environment())
    project.run(*collect)
    with project.running(*engine) as process:
        for interface in ("wsgi", "asgi"):
            with project.serving(interface):
                an_order_that_is_rolled_back_starts_nothing(project)
                an_order_that_is_committed_is_shipped(project, f"book by {interface}")
                pages_come_with_their_static_files(project)
                if interface == "asgi":
                    assert b'"hello"' in first_frame(project)
        process.terminate()
        assert process.wait(20) == 0


def operator_in_environment() -> dict[str, str]:
    fields = {"USERNAME": OPERATOR["username"], "PASSWORD": OPERATOR["password"], "EMAIL": "ada@example.com"}
    return {f"DJANGO_SUPERUSER_{name}": value for name, value in fields.items()}


def an_order_that_is_rolled_back_starts_nothing(project: HostProject) -> None:
    assert project.post("/order", title="sold out") == 500


def an_order_that_is_committed_is_shipped(project: HostProject, title: str) -> None:
    assert project.post("/order", title=title) == 200
    sign_in(project)
    page = eventually(lambda: finished_run(project, title), within_seconds=30, every_seconds=0.2)
    assert "ship-book" in page
    assert "sold out" not in project.get("/jobs/events")


def sign_in(project: HostProject) -> None:
    page = project.get("/jobs/")
    if "Sign in to Signalbox" in page:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token
        assert project.post("/jobs/login/?next=/jobs/runs", csrfmiddlewaretoken=token[1], **OPERATOR) == 200


def finished_run(project: HostProject, title: str) -> str | None:
    """The page of the newest run once it has completed; its step's value is what it reserved."""
    runs = re.findall(r'href="(/jobs/runs/\w{26})"', project.get("/jobs/runs"))
    page = project.get(runs[0]) if runs else ""
    done = 'data-status="completed"' in page and project.get(f"{runs[0]}/value?step=reserve") == f'"reserved {title}"'
    return page if done else None


def pages_come_with_their_static_files(project: HostProject) -> None:
    files = set(re.findall(r'"(/static/[^"#]+)["#]', project.get("/jobs/runs")))
    assert {Path(urlsplit(file).path).suffix for file in files} >= {".css", ".js", ".svg", ".woff2"}
    assert all(re.search(r"\.[0-9a-f]{12}\.\w+$", file) for file in files), files  # the manifest's names
    assert all(project.size(file) > 0 for file in files)


def first_frame(project: HostProject) -> bytes:
    """What the console's websocket says first to the browser that signed in."""
    host = project.address.removeprefix("http://")
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /ws/console/ HTTP/1.1",
        f"Host: {host}",
        f"Origin: {project.address}",
        f"Cookie: {project.cookies()}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: signalbox.1",
        f"Sec-WebSocket-Key: {key}",
    ]
    with socket.create_connection((host.partition(":")[0], int(host.partition(":")[2])), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b""
        while b"}" not in received and (more := connection.recv(4096)):
            received += more
        return received


def test_the_page_tells_the_defaults_that_hold() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", (ROOT / PAGE).read_text(), re.MULTILINE)
    assert len(rows) > 10
    for key, told in rows:
        default = getattr(Settings(), key.lower())
        said = told.strip("`").replace('"', "'")
        assert default is None or said in (str(default), repr(default)), key
