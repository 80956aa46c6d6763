"""The event endpoint meets what nobody should send, by both of its faces: a clear 4xx, and nothing is stored."""

import pytest

from orchestrator.engine.runtime import Runtime
from orchestrator.models import Event
from tests.api import hostile
from tests.api.faces import AsgiFace, DjangoFace, Face, Reply
from tests.console.factories import make_function

pytestmark = pytest.mark.django_db(transaction=True)
SOUND = {"name": "order/placed"}
FIELDS = {"properties": ["name", "data", "id", "ts", "user", "v"]}


@pytest.fixture(params=[AsgiFace, DjangoFace], ids=["asgi", "django"])
def face(request: pytest.FixtureRequest) -> Face:
    made: Face = request.param()
    return made


@pytest.fixture(autouse=True)
def listener(engine: Runtime) -> None:
    make_function("ship-order", triggers=[{"event": "order/placed"}])
    engine.refresh_catalog()


def assert_refused(reply: Reply, what: str) -> None:
    assert 400 <= reply.status < 500, (what, reply)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["detail"], what
    assert reply.json["ids"] == []
    assert len(reply.body) < 4_000


def test_bodies_that_nothing_can_take(face: Face, event_secret: str) -> None:
    for what, body in hostile.BODIES.items():
        assert_refused(face.ask("POST", f"/e/{event_secret}", body), what)
    assert not Event.objects.exists()


def test_fields_of_every_kind(face: Face, event_secret: str) -> None:
    for what, body in hostile.field_bodies(FIELDS, SOUND):
        before = Event.objects.count()
        reply = face.ask("POST", f"/e/{event_secret}", body)
        if reply.status != 200:
            assert_refused(reply, what)
        assert Event.objects.count() == before + (reply.status == 200), what


def test_keys_that_nobody_has(face: Face, db: None) -> None:
    for key in ["nonsense", "x" * 5_000, "é", "💥", "a b", "'", "sbe_", "%00"]:
        assert_refused(face.ask("POST", f"/e/{key}", b'{"name": "a"}'), key[:40])
    assert not Event.objects.exists()


def test_100_mb_are_refused_after_the_limit(event_secret: str) -> None:
    face = AsgiFace()
    reply = face.ask("POST", f"/e/{event_secret}", b" " * 100_000_000, {"Content-Length": ""})
    assert reply.status == 413
    assert face.taken_bytes < 4_000_000
