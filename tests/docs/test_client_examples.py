"""docs/client.md: its Python is one program, run against a server with the examples."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from orchestrator import client
from tests.docs.page import ROOT, Block, blocks
from tests.live import LiveServer

ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(tmp_path_factory.mktemp("client-page") / "home", env={"DATABASE_URL": ""})
    yield server
    server.end()


def test_the_program_of_the_page_runs(server: LiveServer, capsys: pytest.CaptureFixture[str]) -> None:
    module = ModuleType("client_page")
    for block in blocks("docs/client.md"):
        Block(block.page, block.line, block.source.replace(ADDRESS, server.url)).run_in(module)
    words, failure = capsys.readouterr().out.splitlines()
    assert int(words) > 100
    assert failure.startswith("failed ")
    for name in ("client", "patient", "hasty"):
        getattr(module, name).close()


def test_every_error_and_call_is_named() -> None:
    page = (ROOT / "docs" / "client.md").read_text()
    errors = [each for each in vars(client).values() if isinstance(each, type) and issubclass(each, client.ClientError)]
    assert not [each.__name__ for each in errors if f"`{each.__name__}`" not in page]
    calls = {name for name in vars(client.Client) if not name.startswith("_")} - {"close"}
    assert not [name for name in calls if f"| `{name}(" not in page]
