"""Requests and answers as httpx has them, the same for both clients."""

from typing import Any

import httpx

from orchestrator.client.configuration import Configuration
from orchestrator.client.effects import Reply, Request

# What may be raised on the way; after each of them it is unknown whether the server did what was asked.
LOST = (httpx.TransportError, httpx.DecodingError)
JSON_HEADERS = {"Content-Type": "application/json"}


def options(configuration: Configuration) -> dict[str, Any]:
    """How both clients of httpx are made. Proxies of the environment are used, its .netrc is not."""
    return {"base_url": configuration.root, "headers": configuration.headers, "follow_redirects": False}


def arguments(request: Request) -> dict[str, Any]:
    """What ``httpx.Client.request`` takes."""
    return {
        "method": request.method,
        "url": request.path,
        "params": dict(request.query) or None,
        "content": None if request.body is None else request.body.encode(),
        "headers": None if request.body is None else JSON_HEADERS,
        "timeout": request.timeout_seconds,
    }


def reply(response: httpx.Response) -> Reply:
    return Reply(response.status_code, response.content, response.headers.get("Retry-After", ""))


def explained(error: Exception) -> str:
    """Some errors of httpx have no message of their own."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
