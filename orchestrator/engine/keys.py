"""Keys: the secrets that let programs in. Only their SHA-256 is stored."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe

from asgiref.sync import sync_to_async
from django.db import connections

from orchestrator.conf import settings
from orchestrator.core.errors import InvalidInput, NotFound
from orchestrator.core.ids import parse_id
from orchestrator.engine.clock import system_clock
from orchestrator.models import Environment, Key

CACHE_SECONDS = 2.0
SECRET_BYTES = 32
SECRET_STARTS = {Key.Kind.EVENT: "sbe_", Key.Kind.API: "sba_"}
SHOWN_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that is good now: the environment it opens, and its name for the record of who did what."""

    env: int
    name: str


class KeyCache:
    """Answers about keys, good and unknown ones alike, for as long as a revocation may take to be seen."""

    def __init__(self, seconds: float = CACHE_SECONDS, now: Callable[[], float] = time.monotonic, size: int = 4096):
        self._seconds, self._now, self._size = seconds, now, size
        self._answers: dict[tuple[str, str], tuple[float, KnownKey | None]] = {}

    def get(self, kind: str, digest: str) -> tuple[bool, KnownKey | None]:
        """Whether an answer is kept, and the answer."""
        until, known = self._answers.get((kind, digest), (0.0, None))
        return self._now() < until, known

    def put(self, kind: str, digest: str, known: KnownKey | None) -> None:
        if len(self._answers) >= self._size:  # somebody tries many keys: forgetting all costs one query each
            self._answers.clear()
        self._answers[kind, digest] = (self._now() + self._seconds, known)

    def clear(self) -> None:
        self._answers.clear()


cache = KeyCache()


def create_key(kind: Key.Kind, name: str, env: int = 1) -> tuple[Key, str]:
    """A new key and its secret, which cannot be read again. One insert. Raises InvalidInput on an unknown ``env``."""
    if not Environment.objects.using(settings().database).filter(id=env).exists():
        raise InvalidInput(f"no environment has the id {env}")
    secret = SECRET_STARTS[kind] + token_urlsafe(SECRET_BYTES)
    key = Key(
        id=system_clock.new_id(),
        env_id=env,
        kind=kind,
        name=name,
        sha256=_digest(secret),
        prefix=secret[:SHOWN_CHARACTERS],
        created_at=system_clock.now(),
    )
    key.save(using=settings().database, force_insert=True)
    cache.clear()
    return key, secret


def revoke_key(key_id: str) -> None:
    """Shuts a key out, in other processes within two seconds. One update. Raises NotFound, InvalidId."""
    found = Key.objects.using(settings().database).filter(id=parse_id(key_id), revoked_at=None)
    if not found.update(revoked_at=system_clock.now()):
        raise NotFound(f"no key in force has the id {key_id}")
    cache.clear()


def find_key(secret: str, kind: Key.Kind) -> KnownKey | None:
    """The key with this secret, None if there is none or it was revoked. An answer is kept for two seconds."""
    digest = _digest(secret)
    kept, known = cache.get(kind, digest)
    return known if kept else _look_up(kind, digest)


async def afind_key(secret: str, kind: Key.Kind) -> KnownKey | None:
    """As find_key."""
    digest = _digest(secret)
    kept, known = cache.get(kind, digest)
    return known if kept else await sync_to_async(_look_up_outside_requests)(kind, digest)


def env_of_key(secret: str, kind: Key.Kind) -> int | None:
    """The environment a key opens. With open access every secret that is no key opens the first one."""
    return _env(find_key(secret, kind))


async def aenv_of_key(secret: str, kind: Key.Kind) -> int | None:
    """As env_of_key."""
    return _env(await afind_key(secret, kind))


def _env(known: KnownKey | None) -> int | None:
    if known is not None:
        return known.env
    return 1 if settings().open_access else None


def _look_up_outside_requests(kind: Key.Kind, digest: str) -> KnownKey | None:
    # The plain ASGI route has no request signals, so nobody else drops a connection that went stale.
    connection = connections[settings().database]
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    return _look_up(kind, digest)


def _look_up(kind: Key.Kind, digest: str) -> KnownKey | None:
    rows = Key.objects.using(settings().database).filter(sha256=digest, kind=kind, revoked_at=None)
    row = rows.values_list("env_id", "name").first()
    known = KnownKey(*row) if row else None
    cache.put(kind, digest, known)
    return known


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
