"""The doors by themselves: our urls at the root, and access as outside development unless a test opens it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.fixtures import Settings

from orchestrator.engine import keys
from orchestrator.engine.runtime import Runtime, current, install
from orchestrator.models import Key


@pytest.fixture(autouse=True)
def doors(settings: Settings) -> None:
    settings.ROOT_URLCONF = "orchestrator.api.urls"
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    settings.DEBUG = False
    settings.ORCHESTRATOR = django_settings.ORCHESTRATOR | {"OPEN_ACCESS": False}
    keys.cache.clear()


@pytest.fixture
def open_access(settings: Settings) -> None:
    """As in development: no key is needed."""
    settings.ORCHESTRATOR = settings.ORCHESTRATOR | {"OPEN_ACCESS": True}


@pytest.fixture
def engine(transactional_db: None) -> Iterator[Runtime]:
    """A process that writes and runs no functions, as a web server of its own has it."""
    former = install(None)
    runtime = current()
    yield runtime
    runtime.journal.close()
    install(former)


@pytest.fixture
def api_secret(db: None) -> str:
    return keys.create_key(Key.Kind.API, "ci")[1]


@pytest.fixture
def event_secret(db: None) -> str:
    return keys.create_key(Key.Kind.EVENT, "shop")[1]


@pytest.fixture
def client(api_secret: str) -> Client:
    """A client with an API key of the default environment, to which errors come as answers."""
    return Client(
        raise_request_exception=False, enforce_csrf_checks=True, headers={"Authorization": f"Bearer {api_secret}"}
    )


@pytest.fixture
def post(client: Client) -> Callable[..., Any]:
    """POST a value, or bytes as they are, below /api/v1."""

    def send(path: str, body: Any = b"") -> Any:
        return client.post(f"/api/v1{path}", body, content_type="application/json")

    return send
