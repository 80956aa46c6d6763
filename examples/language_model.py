"""A language model behind an endpoint that speaks OpenAI's or Anthropic's API, if one is configured. No steps.

``LLM_BASE_URL`` (``https://api.openai.com/v1``, ``http://127.0.0.1:11434/v1``, ``https://api.anthropic.com``),
``LLM_MODEL`` and, where one is needed, ``LLM_API_KEY``. ``LLM_API`` is ``openai`` or ``anthropic``; left out, it is
what the address suggests.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import httpx

from orchestrator import NonRetriableError, RetryAfter

PATIENCE = httpx.Timeout(120.0, connect=10.0)  # seconds
MOST_TOKENS = 1024
WORTH_ANOTHER_TRY = {408, 409, 425, 429}  # among the errors that are said to be the caller's


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is. The key is left out of its repr, and must not become a step's result."""

    url: str
    headers: Mapping[str, str]
    model: str
    read: Callable[[Any], str]

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r}, {self.model!r})"


def endpoint() -> Endpoint | None:
    """What the environment says, None when it names no endpoint. Raises NonRetriableError when it says half of it."""
    base, model = os.environ.get("LLM_BASE_URL", "").rstrip("/"), os.environ.get("LLM_MODEL", "")
    if not base:
        return None
    if not model:
        raise NonRetriableError("LLM_BASE_URL is set and LLM_MODEL is not: name the model")
    api = os.environ.get("LLM_API") or ("anthropic" if "anthropic" in base else "openai")
    key = os.environ.get("LLM_API_KEY", "")
    match api:
        case "openai":
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            return Endpoint(f"{base}/chat/completions", headers, model, read_openai)
        case "anthropic":
            headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
            return Endpoint(f"{base.removesuffix('/v1')}/v1/messages", headers, model, read_anthropic)
    raise NonRetriableError(f"LLM_API is openai or anthropic, not {api!r}")


def ask(model: Endpoint, prompt: str) -> str:
    """The model's answer. Timeouts, broken connections and 5xx raise what a retry policy tries again."""
    body = {"model": model.model, "max_tokens": MOST_TOKENS, "messages": [{"role": "user", "content": prompt}]}
    response = client().post(model.url, json=body, headers=model.headers, timeout=PATIENCE)
    refuse_errors(response)
    try:
        return model.read(response.json()).strip()
    except (ValueError, LookupError, TypeError) as error:
        raise RuntimeError(f"{model.url} answered what is no answer of a model: {response.text[:200]}") from error


@lru_cache
def client() -> httpx.Client:
    """One for all threads: its connections are used again."""
    return httpx.Client()


def read_openai(answer: Any) -> str:
    return str(answer["choices"][0]["message"]["content"])


def read_anthropic(answer: Any) -> str:
    return "".join(part["text"] for part in answer["content"] if part["type"] == "text")


def refuse_errors(response: httpx.Response) -> None:
    """Raises what says when to come back, or that there is no use in it."""
    if response.is_success:
        return
    said = f"{response.url} answered {response.status_code}: {response.text[:200]}"
    retriable = response.is_server_error or response.status_code in WORTH_ANOTHER_TRY
    if not retriable:
        raise NonRetriableError(said)
    delay = retry_after(response.headers.get("retry-after", ""), datetime.now(UTC))
    if delay is not None:
        raise RetryAfter(said, delay)
    raise ConnectionError(said)


def retry_after(header: str, now: datetime) -> timedelta | None:
    """What the header asks for, in seconds or as a date; None when it asks for nothing that can be read."""
    try:
        return max(timedelta(seconds=float(header)), timedelta(0))
    except (ValueError, OverflowError):
        pass
    try:
        return max(parsedate_to_datetime(header) - now, timedelta(0))
    except (ValueError, TypeError):
        return None
