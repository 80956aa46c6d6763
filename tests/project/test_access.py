"""Who is signed in without a password, and what a page may load."""

import re

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory

from console.auth import DevAutoLogin, DevAutoLoginMiddleware, dev_auto_login
from console.middleware import ContentSecurityPolicyMiddleware, csp_nonce


def visit(address: str = "127.0.0.1", user: object = None, **headers: str) -> HttpRequest:
    request = RequestFactory().get("/", REMOTE_ADDR=address, headers=headers)
    request.user = user or AnonymousUser()
    DevAutoLoginMiddleware(lambda _request: HttpResponse())(request)
    return request


@pytest.mark.django_db
def test_a_visitor_from_this_machine_acts_as_dev_in_development() -> None:
    request = visit()
    assert request.user.get_username() == "dev"
    assert request.user.is_superuser
    assert not request.user.has_usable_password()
    assert dev_auto_login(request) == {"dev_auto_login": True}


@pytest.mark.django_db
def test_dev_is_one_user_however_often_it_visits() -> None:
    assert visit().user.pk == visit("::1").user.pk


@pytest.mark.parametrize(
    "address, headers",
    [
        ("192.0.2.7", {}),  # another machine
        ("", {}),  # a unix socket: nobody knows who is behind it
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}),  # a proxy or tunnel on this machine
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}),
    ],
)
def test_others_stay_anonymous(address: str, headers: dict[str, str]) -> None:
    request = visit(address, **headers)
    assert request.user.is_anonymous
    assert dev_auto_login(request) == {"dev_auto_login": False}


def test_nobody_is_signed_in_outside_development(settings) -> None:
    settings.SIGNALBOX_DEV_AUTO_LOGIN = False
    assert visit().user.is_anonymous


def test_who_signed_in_stays_who_they_are() -> None:
    request = visit(user=User(username="ada"))
    assert request.user.get_username() == "ada"
    assert dev_auto_login(request) == {"dev_auto_login": False}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("client, name", [(("127.0.0.1", 5000), "dev"), (("192.0.2.7", 5000), "")])
async def test_a_websocket_follows_the_same_rule(client: tuple[str, int], name: str) -> None:
    seen = []

    async def application(scope, receive, send) -> None:
        seen.append(scope["user"].get_username())

    scope = {"type": "websocket", "client": client, "headers": [], "user": AnonymousUser()}
    await DevAutoLogin(application)(scope, None, None)
    assert seen == [name]


def test_a_page_allows_only_scripts_that_carry_its_nonce() -> None:
    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(Template("{{ csp_nonce }}").render(Context(csp_nonce(request))))

    responses = [ContentSecurityPolicyMiddleware(page)(RequestFactory().get("/")) for _ in range(2)]
    policies = [response["Content-Security-Policy"] for response in responses]
    nonces = [response.content.decode() for response in responses]
    assert nonces[0] != nonces[1]
    for policy, nonce in zip(policies, nonces, strict=True):
        assert f"script-src 'self' 'nonce-{nonce}'" in policy
        assert "default-src 'none'" in policy
        assert not re.search(r"unsafe-eval|script-src[^;]*unsafe-inline", policy)


@pytest.mark.django_db
def test_a_customer_of_the_site_is_kept_out_of_the_console(client: Client) -> None:
    client.force_login(User.objects.create_user("eve"))
    assert client.get("/runs").status_code == 403
    client.force_login(User.objects.create_user("ada", is_staff=True))
    assert client.get("/runs").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "chosen, begins",
    [
        ("/accounts/login/", "/login/"),  # Django's default: the project has chosen none
        ("/sign-in/", "/sign-in/"),
    ],
)
def test_an_unknown_visitor_signs_in_where_the_project_says(chosen: str, begins: str, client: Client, settings) -> None:
    settings.LOGIN_URL, settings.SIGNALBOX_DEV_AUTO_LOGIN = chosen, False
    answer = client.get("/runs?status=failed")
    assert answer.status_code == 302
    assert answer["Location"] == f"{begins}?next=/runs%3Fstatus%3Dfailed"
