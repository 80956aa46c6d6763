"""Where the server is and how to speak to it: arguments first, then the environment."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from orchestrator.client.errors import Misconfigured
from orchestrator.core.durations import Duration, parse_duration
from orchestrator.core.retry import Retries

URL_VARIABLE, KEY_VARIABLE = "SIGNALBOX_URL", "SIGNALBOX_API_KEY"
API_ROOT = "/api/v1"
RETRIES = Retries(max_attempts=5, initial="200ms", max_interval="5s", jitter=0.5)


@dataclass(frozen=True, slots=True)
class Configuration:
    """``root`` ends in /api/v1. The headers hold the key, if there is one."""

    root: str
    headers: dict[str, str]
    timeout_seconds: float
    retries: Retries


def configure(url: str | None, key: str | None, timeout: Duration, retries: Retries | int) -> Configuration:
    """What a client works with. Raises Misconfigured, InvalidDuration, InvalidInput."""
    address = (url if url is not None else os.environ.get(URL_VARIABLE, "")).strip().rstrip("/")
    secret = (key if key is not None else os.environ.get(KEY_VARIABLE, "")).strip()
    if not address:
        raise Misconfigured(f"the address of Signalbox is missing: give url, or set {URL_VARIABLE}")
    try:
        parts = urlsplit(address)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        good = False
    if not good:
        raise Misconfigured(f"{address!r} is not an address such as http://127.0.0.1:8000")
    if not (secret.isascii() and secret.isprintable()):
        raise Misconfigured("the API key has characters that no key has")
    headers = {"Accept": "application/json"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    seconds = parse_duration(timeout).total_seconds()
    if not seconds:
        raise Misconfigured("a timeout of nothing lets no request through: give at least some milliseconds")
    policy = retries if isinstance(retries, Retries) else _as_often(retries)
    return Configuration(address.removesuffix(API_ROOT) + API_ROOT, headers, seconds, policy)


def _as_often(retries: int) -> Retries:
    return Retries(retries + 1, initial=RETRIES.initial, max_interval=RETRIES.max_interval, jitter=RETRIES.jitter)
