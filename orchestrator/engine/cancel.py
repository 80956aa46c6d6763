"""Ending runs from outside."""

from orchestrator.core.ids import parse_id
from orchestrator.core.ops import MessageKind
from orchestrator.engine.audit import record_action
from orchestrator.engine.commands import Actor, leave_message, terminate
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.runtime import current


def _cancelling(run_id: str, actor: str, reason: str) -> Call:
    run = parse_id(run_id)

    def apply(tx: Tx) -> None:
        env = leave_message(tx, run, MessageKind.CANCEL, "cancel", Actor(actor, reason).to_json())
        record_action(tx, env, "run.cancel", run, actor=actor, reason=reason)

    return Call(apply)


def _terminating(run_id: str, actor: str, reason: str) -> Call:
    run = parse_id(run_id)

    def apply(tx: Tx) -> None:
        env = terminate(tx, run, Actor(actor, reason))
        record_action(tx, env, "run.terminate", run, actor=actor, reason=reason)

    return Call(apply)


def cancel_run(run_id: str, *, actor: str = "", reason: str = "") -> None:
    """Asks the run to end as cancelled, after its cleanup; its children too.

    Raises RunNotFound, RunEnded, InvalidId.
    """
    current().commit(_cancelling(run_id, actor, reason))


async def acancel_run(run_id: str, *, actor: str = "", reason: str = "") -> None:
    """``cancel_run`` for async code."""
    await current().acommit(_cancelling(run_id, actor, reason))


def terminate_run(run_id: str, *, actor: str = "", reason: str = "") -> None:
    """Ends the run at once, without its cleanup; late results are refused. Raises RunNotFound, RunEnded, InvalidId."""
    current().commit(_terminating(run_id, actor, reason))


async def aterminate_run(run_id: str, *, actor: str = "", reason: str = "") -> None:
    """``terminate_run`` for async code."""
    await current().acommit(_terminating(run_id, actor, reason))
