"""Webhooks of others: checked, stored as one event each, answered at once."""

import hashlib
import hmac
import os

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from orchestrator import OrchestratorError, send


@csrf_exempt  # GitHub has no cookie of ours; its signature says who it is
@require_POST
def github(request: HttpRequest) -> JsonResponse:
    """A delivery of GitHub as event ``github/<its kind>``; GitHub's id of it makes redelivery harmless."""
    secret = github_secret()
    if not secret:
        return refused(503, "set GITHUB_WEBHOOK_SECRET to the secret that GitHub was given")
    try:
        body = request.body
    except RequestDataTooBig as error:
        return refused(413, str(error))
    if not is_signed(body, request.headers.get("X-Hub-Signature-256", ""), secret):
        return refused(401, "X-Hub-Signature-256 is not the signature of this body")
    kind, delivery = request.headers.get("X-GitHub-Event"), request.headers.get("X-GitHub-Delivery")
    if not kind:
        return refused(400, "X-GitHub-Event is missing")
    try:
        payload = orjson.loads(body)
        event_id = send(f"github/{kind}", payload, id=delivery)
    except orjson.JSONDecodeError:
        return refused(400, "the body is no JSON: choose application/json as the webhook's content type")
    except OrchestratorError as error:
        return refused(error.status, str(error))
    return JsonResponse({"event": event_id}, status=202)


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Compared in a time that tells nothing of how much of it was right."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


def github_secret() -> str:
    """From Django's settings, else from the environment."""
    return str(getattr(settings, "GITHUB_WEBHOOK_SECRET", "") or os.environ.get("GITHUB_WEBHOOK_SECRET", ""))


def refused(status: int, detail: str) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)
