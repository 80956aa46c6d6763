"""Request bodies: strict JSON of limited size."""

from typing import Any

import orjson
from django.conf import settings as django_settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja.parser import Parser
from ninja.renderers import BaseRenderer

from orchestrator.api.wire import JSON, dump
from orchestrator.conf import settings


class JsonParser(Parser):
    """Raises orjson.JSONDecodeError or RequestDataTooBig."""

    def parse_body(self, request: HttpRequest) -> Any:
        # A request without a Content-Length passes Django's own limit unseen.
        if len(request.body) > body_limit_bytes():
            raise RequestDataTooBig
        return orjson.loads(request.body)


class JsonRenderer(BaseRenderer):
    media_type = JSON

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return dump(data)


def body_limit_bytes() -> int:
    """The largest body of a REST request: the stricter one of our limit and Django's."""
    django_limit: int | None = django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    ours = settings().max_body_bytes
    return ours if django_limit is None else min(ours, django_limit)
