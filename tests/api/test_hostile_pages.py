"""Every page and form of the console, found by walking the url conf, meets what nobody should send: never a 5xx.

What a page reads is seen from what it asks its query and its form for, so that a new field is tested by itself.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.datastructures import MultiValueDict
from pytest_django.fixtures import Settings

from orchestrator.engine.runtime import Runtime
from tests.api.rows import stored
from tests.console.factories import RunBuilder, fresh_id, make_event, make_function

pytestmark = pytest.mark.django_db(transaction=True)
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
NOT_OURS = ("admin/", "api/", "e/")  # Django's own, and what test_hostile_requests.py walks

# Encoded as they are sent, in a query string or a form.
TEXTS = [
    "", "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%zz", "-1", "9" * 5_000, "99999999999999999999", "%C2%B2", "nan",
    "x" * 20_000, "%0d%0aX-Evil:%201", "//evil.example", "%7B%22a%22%3A%20NaN%7D", "%7B%22a%22%3A%20%22%5Cud800%22%7D",
    "%5B" * 5_000, "%7B%22a%22%3A%22%5Cu0000%22%7D", "+999999-01-01T00:00:00Z",
]  # fmt: skip
WORST = ["a%00b", "%ff%fe", "9" * 5_000, "%C2%B2"]  # for one field alone; the others for all of them at once
SEGMENTS = [
    "nonsense", "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%25", "%2e%2e", "Z" * 26, "0" * 26, "x" * 5_000, "%0d%0a",
    "%F0%9F%92%A5", "null",
]  # fmt: skip


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern) and not route.startswith(NOT_OURS):
            yield "/" + route


PAGES = sorted(set(routes(get_resolver("console.urls"))))
WITH_PARAMETER = [page for page in PAGES if PARAMETER.search(page)]


@pytest.fixture(autouse=True)
def console(doors: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ROOT_URLCONF = "console.urls"
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", "it is set")  # without one the example says that it is unavailable


@pytest.fixture
def visitor() -> Client:
    """Somebody on this machine, signed in automatically, to whom errors come as answers."""
    return Client(REMOTE_ADDR="127.0.0.1", raise_request_exception=False)


@pytest.fixture
def known(engine: Runtime) -> Mapping[str, str]:
    make_function("ship-order", triggers=[{"event": "order/placed"}])
    engine.refresh_catalog()
    event = make_event("order/placed", {"order": 1})
    builder = RunBuilder("ship-order").step("load").step("ok", op="wait_for_signal", status="waiting")
    run = builder.open_wait("signal", "ok", name="ok").save("waiting", event=event)
    return {"run_id": run.id, "event_id": event.id, "slug": "ship-order"}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names that queries and forms were asked for."""
    names: set[str] = set()

    def noting(kind: type, method: str) -> None:
        former = getattr(kind, method)

        def note(self: Any, key: Any, *rest: Any, **options: Any) -> Any:
            if isinstance(self, QueryDict) and isinstance(key, str):
                names.add(key)
            return former(self, key, *rest, **options)

        monkeypatch.setattr(kind, method, note)

    for method in ("__getitem__", "__contains__", "get", "getlist"):
        noting(MultiValueDict, method)
    return names


def at(route: str, values: Mapping[str, str]) -> str:
    return PARAMETER.sub(lambda found: values.get(found[1], "nonsense"), route)


def attacks(names: set[str]) -> Iterator[str]:
    """Queries, or bodies of forms."""
    for text in TEXTS:
        yield "&".join(f"{name}={text}" for name in sorted(names))
    yield from (f"{name}={text}" for name in sorted(names) for text in WORST)


def assert_sane(answer: Any, what: str) -> None:
    assert answer.status_code < 500, (what, answer.status_code)
    assert "X-Evil" not in answer.headers, what
    assert not answer.get("Location", "").startswith(("//", "http")), what
    assert not answer.streaming, what
    assert b"Traceback (most recent call last)" not in answer.content, what


@pytest.mark.parametrize("route", PAGES)
def test_queries(route: str, known: Mapping[str, str], visitor: Client, read: set[str]) -> None:
    path, before = at(route, known), stored()
    assert_sane(visitor.get(path), "plain")
    names = {*read, "nobody%00"}
    for query in attacks(names):
        assert_sane(visitor.get(f"{path}?{query}"), query[:40])
    assert_sane(visitor.get(path + "?" + "&".join(f"a{n}=1" for n in range(5_000))), "many")
    assert stored() == before


@pytest.mark.parametrize("route", PAGES)
def test_forms(route: str, known: Mapping[str, str], visitor: Client, read: set[str]) -> None:
    path, form = at(route, known), "application/x-www-form-urlencoded"
    visitor.post(path, "data={}", content_type=form)
    names = {*read, "nobody%00"}
    for body in attacks(names):
        before = stored()
        answer = visitor.post(path, body, content_type=form)
        assert_sane(answer, body[:40])
        if answer.status_code not in (204, 302):  # what it answers when it did what was asked
            assert stored() == before, body[:40]


@pytest.mark.parametrize("route", PAGES)
def test_bodies(route: str, known: Mapping[str, str], visitor: Client) -> None:
    path = at(route, known)
    many = "&".join(f"a{n}=1" for n in range(5_000))
    for what, body, content_type in [
        ("5 MB", "data=" + "x" * 5_000_000, "application/x-www-form-urlencoded"),
        ("many fields", many, "application/x-www-form-urlencoded"),
        ("broken parts", "--x\r\nnonsense", "multipart/form-data; boundary=x"),
        ("no boundary", "--x", "multipart/form-data"),
        ("an unknown charset", "data=1", "application/x-www-form-urlencoded; charset=nonsense"),
        ("UTF-16", "data=1", "application/x-www-form-urlencoded; charset=utf-16"),
        ("JSON", '{"data": {}}', "application/json"),
    ]:
        before = stored()
        answer = visitor.generic("POST", path, body, content_type=content_type)
        assert_sane(answer, what)
        if answer.status_code not in (204, 302):
            assert stored() == before, what
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"):
        assert_sane(visitor.generic(method, path), method)


@pytest.mark.parametrize("route", WITH_PARAMETER)
def test_ids_in_paths(route: str, known: Mapping[str, str], visitor: Client) -> None:
    before = stored()
    for name in PARAMETER.findall(route):
        for segment in [*SEGMENTS, fresh_id()]:
            for method in ("GET", "POST"):
                answer = visitor.generic(method, at(route, {**known, name: segment}))
                assert_sane(answer, f"{method} {segment[:30]}")
                assert answer.status_code in (400, 404, 405), (method, segment[:30], answer.status_code)
    assert stored() == before


@pytest.mark.parametrize("route", PAGES)
def test_headers(route: str, known: Mapping[str, str], visitor: Client) -> None:
    path = at(route, known)
    for headers in (
        {"Cookie": "sessionid=" + "x" * 20_000 + "; theme=%00"},
        {"Cookie": "\x00=\x01; theme=\"'<script>"},
        {"Host": "evil.example"},
        {"Referer": "\x00" * 100, "Accept-Language": "x" * 5_000, "Accept-Encoding": "\x01"},
        {"HX-Request": "true", "HX-Current-URL": "http://[", "HX-Target": "\x00"},
        {"If-None-Match": "\x00", "If-Modified-Since": "nonsense", "Range": "bytes=9-1"},
    ):
        answer = visitor.get(path, headers=headers)
        assert answer.status_code < 500, headers
