import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.models import QuerySet
from django.test import Client, RequestFactory
from django.views.defaults import server_error

from tests.console.factories import RunBuilder

pytestmark = pytest.mark.django_db


def assert_ours(page, status: int, *said: str) -> None:
    html = page.content.decode()
    assert page.status_code == status
    assert "/static/console/css/tokens.css" in html
    assert f'<p class="gate-code mono">{status}</p>' in html
    assert 'href="/"' in html
    for text in said:
        assert text in html


def test_an_unknown_address_is_named_in_the_theme_of_the_visitor(visitor):
    visitor.cookies["theme"] = "dark"
    assert_ours(visitor.get("/no/such<page>"), 404, "/no/such%3Cpage%3E", 'data-theme="dark"')


def test_somebody_who_may_not_enter_is_told_so_and_can_sign_out():
    stranger = Client(REMOTE_ADDR="203.0.113.9")
    stranger.force_login(User.objects.create_user("customer"))
    assert_ours(stranger.get("/runs"), 403, "The console is for staff.", 'action="/logout"')


def test_a_form_without_its_token_is_refused_in_words():
    strict = Client(REMOTE_ADDR="127.0.0.1", enforce_csrf_checks=True)
    run = RunBuilder().save("running")
    assert_ours(strict.post(f"/runs/{run.id}/cancel"), 403, "This form was open for too long")


def test_too_many_fields_are_refused_in_words(visitor):
    assert_ours(visitor.get("/runs?" + "&".join(["status=failed"] * 1001)), 400, "Nothing was changed")


def test_what_broke_is_told_without_any_database_or_request():
    assert_ours(server_error(RequestFactory().get("/runs")), 500, "Something broke")


def test_a_page_whose_database_is_away_says_so_and_when_to_come_again(visitor, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("connection to ada:secret@db.example failed")

    monkeypatch.setattr(QuerySet, "_fetch_all", refuse)
    page = visitor.get("/runs")
    assert_ours(page, 503, "The database is away")
    assert page["retry-after"] == "1"
    assert "secret" not in page.content.decode()


def test_every_error_page_is_under_the_policy(visitor):
    assert "default-src 'none'" in visitor.get("/nothing")["content-security-policy"]
