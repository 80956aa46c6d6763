"""Signals: a message for one run. One that is acknowledged was seen by a live run."""

from typing import Any

from orchestrator.core.codec import decode, encode
from orchestrator.core.errors import InvalidInput
from orchestrator.core.ids import parse_id
from orchestrator.core.ops import MessageKind
from orchestrator.engine.audit import record_action
from orchestrator.engine.commands import leave_message
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import KeyRow
from orchestrator.engine.runtime import current
from orchestrator.engine.sql import Id
from orchestrator.engine.starting import KEY_LIFE

MAX_NAME = 200  # characters


def _signalling(run_id: str, name: str, data: Any, key: str | None, actor: str) -> Call:
    run = parse_id(run_id)
    if not name or len(name) > MAX_NAME or "\0" in name:
        raise InvalidInput(f"a signal's name is a text of 1 to {MAX_NAME} characters")
    payload = {"name": name, "data": decode(encode(data)), "actor": actor}
    ref = current().clock.new_id()

    def apply(tx: Tx) -> None:
        if key is not None and _is_known(tx, run, key):
            return  # also when the run has ended since: who asks again has lost the answer only
        env = leave_message(tx, run, MessageKind.SIGNAL, f"signal:{ref}", payload)
        if key is not None and not tx.db.use_keys([KeyRow(env, f"signal:{run}", key, ref, tx.now + KEY_LIFE)])[0]:
            tx.forget_inbox(run, f"signal:{ref}")  # two at once: the other was first
            return
        record_action(tx, env, "run.signal", run, actor=actor, after={"name": name})

    return Call(apply)


def _is_known(tx: Tx, run: str, key: str) -> bool:
    sql = (
        "SELECT 1 FROM signalbox_idempotency WHERE env = (SELECT env FROM signalbox_run WHERE id = ?)"
        " AND scope = ? AND key = ?"
    )
    return bool(tx.db.query(sql, [Id(run), f"signal:{run}", key]))


def send_signal(run_id: str, name: str, data: Any = None, *, key: str | None = None, actor: str = "") -> None:
    """Leaves a signal for the run; it waits there if the run does not wait for it yet. A repeated ``key`` is ignored.

    Raises RunNotFound, RunEnded, InvalidId, InvalidInput, Unserialisable.
    """
    current().commit(_signalling(run_id, name, data, key, actor))


async def asend_signal(run_id: str, name: str, data: Any = None, *, key: str | None = None, actor: str = "") -> None:
    """``send_signal`` for async code."""
    await current().acommit(_signalling(run_id, name, data, key, actor))
