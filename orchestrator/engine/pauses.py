"""Pausing and resuming a function, a queue, an environment. Nothing is lost: what comes meanwhile waits."""

from functools import partial

from orchestrator.core.errors import InvalidInput, PauseNotFound, UnknownFunction
from orchestrator.core.pausing import Paused, PauseKind
from orchestrator.engine.audit import record_action
from orchestrator.engine.expecting import watch_again
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.pausing import let_more_go
from orchestrator.engine.runtime import current

MAX_NAME, MAX_NOTE = 200, 500  # characters


def _paused(env: int, kind: PauseKind, name: str) -> Paused:
    if kind is PauseKind.ENVIRONMENT:
        return Paused(env, kind)
    if not 0 < len(name) <= MAX_NAME or "\0" in name:
        raise InvalidInput(f"a {kind}'s name is a text of 1 to {MAX_NAME} characters")
    return Paused(env, kind, name)


def _pausing(paused: Paused, note: str, actor: str) -> Call:
    if len(note) > MAX_NOTE or "\0" in note:
        raise InvalidInput(f"a note has at most {MAX_NOTE} characters, none of them NUL")

    def apply(tx: Tx) -> None:
        if paused.kind is PauseKind.FUNCTION:
            _require_function(tx, paused)
        tx.db.run(
            "INSERT INTO signalbox_pause (key, env, kind, name, note, actor, at, resumed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (key) DO UPDATE SET note = excluded.note,"
            " actor = excluded.actor, resumed_at = NULL, at = CASE WHEN signalbox_pause.resumed_at IS NULL"
            " THEN signalbox_pause.at ELSE excluded.at END",
            [paused.key, paused.env, paused.kind.value, paused.name, note, actor[:150], tx.now],
        )
        record_action(tx, paused.env, f"{paused.kind}.pause", paused.name, actor=actor, reason=note)
        tx.effects.ready += 1  # every process looks, and learns of it

    return Call(apply)


def _require_function(tx: Tx, paused: Paused) -> None:
    found = tx.db.query("SELECT 1 FROM signalbox_function WHERE env = ? AND slug = ?", [paused.env, paused.name])
    if not found:
        raise UnknownFunction(f"no function {paused.name!r} is registered")


def _resuming(paused: Paused, note: str, actor: str) -> Call:
    def apply(tx: Tx) -> bool:
        ended = tx.db.touch(
            "UPDATE signalbox_pause SET resumed_at = ? WHERE key = ? AND resumed_at IS NULL", [tx.now, paused.key]
        )()
        if not ended:
            raise PauseNotFound(f"{paused.kind} {paused.name}".rstrip() + " is not paused")
        record_action(tx, paused.env, f"{paused.kind}.resume", paused.name, actor=actor, reason=note)
        tx.effects.ready += 1
        more = let_more_go(tx, paused.key)
        watch_again(tx, paused)
        return more

    return Call(apply)


def pause(kind: PauseKind, name: str = "", *, env: int = 1, note: str = "", actor: str = "") -> None:
    """No run of it is started or woken from now on; those that execute go on to their next rest.

    Paused again, it gets the new note. Raises UnknownFunction, InvalidInput.
    """
    runtime = current()
    runtime.commit(_pausing(_paused(env, kind, name), note, actor))
    runtime.forget_pauses()


def resume(kind: PauseKind, name: str = "", *, env: int = 1, note: str = "", actor: str = "") -> None:
    """Lets all that waited go on, in its order. Raises PauseNotFound, InvalidInput."""
    runtime, paused = current(), _paused(env, kind, name)
    more = runtime.commit(_resuming(paused, note, actor))
    while more:
        more = runtime.commit(Call(partial(_let_go, key=paused.key)))


def _let_go(tx: Tx, key: str) -> bool:
    """More of what waited, unless it was paused again meanwhile."""
    over = tx.db.query("SELECT 1 FROM signalbox_pause WHERE key = ? AND resumed_at IS NOT NULL", [key])
    return bool(over) and let_more_go(tx, key)
