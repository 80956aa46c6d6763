"""The event endpoint without a framework: a method, a key and a body in; a status and JSON out.

Compatible with Inngest's: a list stops at the first bad event and answers with the ids accepted before it.
"""

import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError

from orchestrator.api.problems import PROBLEM_JSON, internal_problem, problem, problem_headers, problem_of
from orchestrator.api.wire import JSON, dump
from orchestrator.conf import settings
from orchestrator.core.errors import EngineUnavailable, InvalidEvent, InvalidId, OrchestratorError, Unauthorized
from orchestrator.core.events import EARLIEST_MS, LATEST_MS, parse_events
from orchestrator.core.ids import seeded_id
from orchestrator.db.schema import WAY_OUT, is_unmigrated
from orchestrator.engine.ingest import IngestMode, asend_events
from orchestrator.engine.keys import aenv_of_key
from orchestrator.models import Key

logger = logging.getLogger(__name__)

METHODS = "POST, OPTIONS"
SEED_HEADER = "x-inngest-event-id-seed"
OPEN_TO_ALL = (("Access-Control-Allow-Origin", "*"),)
# Browsers read these before a request only; daphne takes 10 us for each header of an answer.
PREFLIGHT = (
    *OPEN_TO_ALL,
    ("Access-Control-Allow-Methods", METHODS),
    ("Access-Control-Allow-Headers", "*"),
    ("Access-Control-Max-Age", "86400"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A request to the event endpoint.

    ``read`` gives at most as many bytes as it is told, None when the client left.
    """

    method: str
    key: str
    read: Callable[[int], Awaitable[bytes | None]]
    content_length: int = 0  # as announced; 0 when it was not
    seed: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


async def answer_delivery(delivery: Delivery) -> Answer | None:
    """The answer to a request, after the commit; None when the client left before the end of its body."""
    if delivery.method == "OPTIONS":
        return Answer(204, b"", PREFLIGHT)
    if delivery.method != "POST":
        detail = f"{delivery.method} is not allowed: send events with POST"
        return _refusal(problem(405, "method_not_allowed", detail), [], (("Allow", METHODS),))
    try:
        return await _accept(delivery)
    except OrchestratorError as error:
        return _refusal(problem_of(error), [])
    except Exception as error:  # there is no framework above the plain route that would answer for us
        return _refusal(_failure(error), [])


def announced_length(header: str | None) -> int:
    """The number in a Content-Length header, 0 without a good one."""
    return int(header) if header and header.isascii() and header.isdecimal() and len(header) < 20 else 0


def seeded_ids(seed: str | None, count: int) -> list[str] | None:
    """The ids of ``count`` events by the seed an SDK sends to make its retries harmless; None without a good one."""
    try:
        milliseconds, entropy = (seed or "").split(",")
        if not EARLIEST_MS <= int(milliseconds) < LATEST_MS:
            return None
        raw = base64.b64decode(entropy, validate=True)
        return [seeded_id(int(milliseconds), raw, index) for index in range(1, count + 1)]
    except (ValueError, binascii.Error, InvalidId):
        return None


async def _accept(delivery: Delivery) -> Answer | None:
    env = await aenv_of_key(delivery.key, Key.Kind.EVENT)
    if env is None:
        raise Unauthorized("Event key not found")
    body = await _read(delivery, settings().max_body_bytes)
    if body is None:
        return None
    parsed = parse_events(body, max_bytes=settings().max_body_bytes, max_event_bytes=settings().max_event_bytes)
    ids: list[str] = []
    if parsed.events:
        chosen = seeded_ids(delivery.seed, len(parsed.events))
        ids = await asend_events(parsed.events, env=env, mode=IngestMode.INNGEST, source="api", ids=chosen)
    if parsed.error is not None:
        return _refusal(problem_of(parsed.error), ids)
    return Answer(200, dump({"ids": ids, "status": 200}), (("Content-Type", JSON), *OPEN_TO_ALL))


def _failure(error: Exception) -> dict[str, Any]:
    if is_unmigrated(error):
        logger.error("ingest.unmigrated", extra={"reason": " ".join(str(error).split())})
        return problem_of(EngineUnavailable(WAY_OUT))
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.error("ingest.database_failed", exc_info=error)
        return problem_of(EngineUnavailable("the database does not answer now: try again"))
    logger.error("ingest.failed", exc_info=error)
    return internal_problem()


async def _read(delivery: Delivery, limit_bytes: int) -> bytes | None:
    if delivery.content_length <= limit_bytes:
        body = await delivery.read(limit_bytes + 1)
        if body is None or len(body) <= limit_bytes:
            return body
    raise InvalidEvent(f"body is over {limit_bytes} bytes: send fewer events at a time", status=413)


def _refusal(body: dict[str, Any], ids: Sequence[str], headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    status: int = body["status"]
    content = dump(body | {"ids": list(ids), "error": body["detail"]})
    return Answer(status, content, (("Content-Type", PROBLEM_JSON), *problem_headers(status), *headers, *OPEN_TO_ALL))
