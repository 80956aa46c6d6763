"""``manage.py keys``: made once, listed without secrets, revoked by name, id or beginning."""

from collections.abc import Callable

import orjson
import pytest
from django.core.management import CommandError

from orchestrator.engine.keys import find_key
from orchestrator.models import Key

pytestmark = pytest.mark.django_db
Manage = Callable[..., str]


def create(manage: Manage, name: str) -> str:
    return manage("keys", "create", "--kind", "api", "--name", name)


def test_a_list_shows_everything_but_the_secret(manage: Manage) -> None:
    secret = create(manage, "shop")
    text = manage("keys", "list")
    assert "shop" in text
    assert secret[:10] in text
    assert secret not in text
    [listed] = orjson.loads(manage("keys", "list", "--json"))
    assert listed.keys() == {"id", "kind", "name", "begins", "created_at", "revoked_at"}


@pytest.mark.parametrize("by", ["name", "id", "prefix"])
def test_a_revoked_key_opens_nothing(manage: Manage, by: str) -> None:
    secret, other = create(manage, "shop"), create(manage, "other")
    manage("keys", "revoke", getattr(Key.objects.get(name="shop"), by))
    assert find_key(secret, Key.Kind.API) is None
    assert find_key(other, Key.Kind.API) is not None
    with pytest.raises(CommandError, match="no key in force"):
        manage("keys", "revoke", "shop")


def test_one_name_for_two_keys_is_not_guessed(manage: Manage) -> None:
    create(manage, "shop"), create(manage, "shop")
    with pytest.raises(CommandError, match="several keys are named 'shop'"):
        manage("keys", "revoke", "shop")
    assert not Key.objects.exclude(revoked_at=None).exists()


@pytest.mark.parametrize("name", ["", "x" * 101, "line\nbreak"])
def test_a_key_needs_a_name(manage: Manage, name: str) -> None:
    with pytest.raises(CommandError, match="--name is 1 to 100"):
        create(manage, name)
