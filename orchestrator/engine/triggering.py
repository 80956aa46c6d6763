"""Starting a function by name, with its payload."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from orchestrator.core.codec import encode
from orchestrator.core.errors import InvalidInput, InvalidPayload
from orchestrator.engine.journal.items import Ingest, Start
from orchestrator.engine.rows import KeyRow
from orchestrator.engine.runtime import Runtime, current
from orchestrator.engine.starting import KEY_LIFE
from orchestrator.sdk.arguments import bind_json

MAX_KEY = 255  # characters


def _start(
    runtime: Runtime, function: str, data: Any, *, env: int, idempotency_key: str | None, delay: timedelta | None
) -> Ingest:
    runtime.starting.catalog.get(env, function)
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MAX_KEY:
        raise InvalidInput(f"an idempotency key is a text of 1 to {MAX_KEY} characters")
    now = runtime.clock.now()
    text = _payload(runtime, function, data)
    new = runtime.starting.run(
        env, function, trigger="call", now=now, input=text, start_at=now + delay if delay else None
    )
    key = None
    if idempotency_key is not None:
        key = KeyRow(env, f"function:{function}", idempotency_key, new.run.id, now + KEY_LIFE)
    return Ingest([Start(None, None, [new], key, ref=new.run.id)])


def trigger_many(function: str, payloads: Sequence[Any], *, env: int = 1) -> list[str]:
    """Ids of new runs, one a payload, all durable by one commit or none. Raises as ``trigger``."""
    runtime = current()
    runtime.starting.catalog.get(env, function)
    now = runtime.clock.now()
    texts = [_payload(runtime, function, payload) for payload in payloads]
    runs = [runtime.starting.run(env, function, trigger="call", now=now, input=text) for text in texts]
    starts = [Start(None, None, [new], ref=new.run.id) for new in runs]
    return [start.ref for start in runtime.commit(Ingest(starts))]


def _payload(runtime: Runtime, function: str, data: Any) -> str:
    """Checked against the signature where the code is here. Raises InvalidPayload, Unserialisable."""
    definition = runtime.registry.find(function)
    if definition is not None and definition.kind == "task":
        return bind_json(definition.body, data)
    if data is not None and not isinstance(data, dict):
        raise InvalidPayload(f"function {function!r} takes an object as its payload")
    return encode(data or {})


def trigger(
    function: str,
    data: Any = None,
    *,
    env: int = 1,
    idempotency_key: str | None = None,
    delay: timedelta | None = None,
) -> str:
    """Id of the new run, once it is durable; of the first one when the key was used before.

    Raises UnknownFunction, InvalidPayload, InvalidInput, Unserialisable.
    """
    runtime = current()
    item = _start(runtime, function, data, env=env, idempotency_key=idempotency_key, delay=delay)
    return str(runtime.commit(item)[0].ref)


async def atrigger(
    function: str,
    data: Any = None,
    *,
    env: int = 1,
    idempotency_key: str | None = None,
    delay: timedelta | None = None,
) -> str:
    """``trigger`` for async code."""
    runtime = current()
    item = _start(runtime, function, data, env=env, idempotency_key=idempotency_key, delay=delay)
    return str((await runtime.acommit(item))[0].ref)
