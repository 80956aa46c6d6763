"""What operators send: stored and routed like any event, with an entry in the record of their actions."""

from orchestrator.core.codec import decode, encode
from orchestrator.core.events import IncomingEvent, check_event
from orchestrator.engine.audit import record_action
from orchestrator.engine.journal.items import Call
from orchestrator.engine.journal.starts import apply_starts
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.runtime import Runtime, current
from orchestrator.engine.starting import envelope, event_row


def _sending(runtime: Runtime, event: IncomingEvent, env: int, actor: str) -> Call:
    name, data = check_event(event).name, decode(encode(event.data))

    def apply(tx: Tx) -> str:
        row = event_row(runtime.clock.new_id(), env, name, data, tx.now, source="console")
        apply_starts(tx, [runtime.queueing.event(row, envelope(row, data))])
        record_action(tx, env, "event.send", row.id, actor=actor, after={"name": name})
        return row.id

    return Call(apply)


def send_by_hand(event: IncomingEvent, *, env: int = 1, actor: str = "") -> str:
    """Id of an event that a person sends, after one commit of it, its runs, and who sent it.

    Only name and data are taken. Raises InvalidEvent, Unserialisable, EngineUnavailable.
    """
    runtime = current()
    return str(runtime.commit(_sending(runtime, event, env, actor)))


async def asend_by_hand(event: IncomingEvent, *, env: int = 1, actor: str = "") -> str:
    """``send_by_hand`` for async code."""
    runtime = current()
    return str(await runtime.acommit(_sending(runtime, event, env, actor)))
