"""Keys open an environment; only their hash is kept, and an answer about one is remembered for two seconds."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestrator.core.errors import InvalidInput
from orchestrator.engine import keys
from orchestrator.engine.keys import KeyCache, KnownKey, aenv_of_key, create_key, env_of_key
from orchestrator.models import Environment, Key

pytestmark = pytest.mark.django_db
EVENT, API = Key.Kind.EVENT, Key.Kind.API


@pytest.mark.parametrize("kind", list(Key.Kind))
def test_a_key_opens_its_environment(kind: Key.Kind) -> None:
    staging = Environment.objects.create(name="staging")
    _key, secret = create_key(kind, "shop", staging.pk)
    assert env_of_key(secret, kind) == staging.pk
    assert async_to_sync(aenv_of_key)(secret, kind) == staging.pk


def test_the_secret_is_256_bits_and_only_its_hash_is_stored() -> None:
    key, secret = create_key(EVENT, "shop")
    stored = Key.objects.get()
    assert stored.id == key.id
    assert stored.sha256 == sha256(secret.encode()).hexdigest()
    assert len(secret.partition("_")[2]) == 43  # 32 bytes in base64
    assert secret.startswith(stored.prefix)
    assert secret not in str(vars(stored))
    assert create_key(EVENT, "shop")[1] != secret


@pytest.mark.parametrize("secret", ["", "nonsense", "sbe_" + "A" * 43, "\ud800", "\0"])
def test_an_unknown_secret_opens_nothing(secret: str) -> None:
    assert env_of_key(secret, EVENT) is None
    assert async_to_sync(aenv_of_key)(secret, API) is None


def test_a_key_of_one_kind_is_none_of_the_other() -> None:
    _key, secret = create_key(EVENT, "shop")
    assert env_of_key(secret, API) is None


def test_a_revoked_key_opens_nothing() -> None:
    key, secret = create_key(EVENT, "shop")
    Key.objects.filter(id=key.id).update(revoked_at=datetime.now(UTC))
    assert env_of_key(secret, EVENT) is None


def test_an_environment_that_does_not_exist_gets_no_key() -> None:
    with pytest.raises(InvalidInput, match="99"):
        create_key(EVENT, "shop", 99)


def test_with_open_access_any_secret_opens_the_first_environment_and_a_key_its_own(open_access: None) -> None:
    staging = Environment.objects.create(name="staging")
    _key, secret = create_key(EVENT, "shop", staging.pk)
    assert env_of_key("anything", EVENT) == 1
    assert env_of_key(secret, EVENT) == staging.pk


def test_an_answer_is_remembered() -> None:
    _key, secret = create_key(EVENT, "shop")
    with CaptureQueriesContext(connection) as queries:
        assert [env_of_key(secret, EVENT) for _ in range(5)] == [1] * 5
        assert [env_of_key("nonsense", EVENT) for _ in range(5)] == [None] * 5
        assert async_to_sync(aenv_of_key)(secret, EVENT) == 1
    assert len(queries) == 2


def test_a_new_key_is_known_at_once() -> None:
    _key, secret = create_key(EVENT, "shop")
    keys.cache.put("event", sha256(secret.encode()).hexdigest(), None)
    create_key(EVENT, "other")
    assert env_of_key(secret, EVENT) == 1


def test_a_remembered_answer_is_forgotten_after_two_seconds() -> None:
    now = 100.0
    cache = KeyCache(now=lambda: now)
    cache.put("event", "digest", KnownKey(1, "shop"))
    now = 101.9
    assert cache.get("event", "digest") == (True, KnownKey(1, "shop"))
    now = 102.0
    assert not cache.get("event", "digest")[0]


def test_somebody_who_tries_many_keys_does_not_fill_the_memory() -> None:
    cache = KeyCache(size=3, now=lambda: 0.0)
    for number in range(10):
        cache.put("event", str(number), None)
    kept = [number for number in range(10) if cache.get("event", str(number))[0]]
    assert kept == [9]
