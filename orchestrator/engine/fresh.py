"""Runs that this process has inserted as its own: they begin without being read."""

from orchestrator.core.ops import CallRequest
from orchestrator.engine.facts import Claimed, RunFacts
from orchestrator.engine.journal.items import NewRun


def claimed_from(new: NewRun) -> Claimed:
    """A run of ours that was inserted a moment ago needs nothing from the database."""
    row = new.run
    facts = RunFacts(
        id=row.id,
        env=row.env,
        function=row.function,
        fence=row.fence,
        attempt=row.attempt,
        root=row.root,
        parent=row.parent,
        parent_key=row.parent_key,
        replay_of=row.replay_of,
        queue=row.queue,
        version=row.version,
        queued_at=row.queued_at,
        started_at=row.started_at or row.queued_at,
    )
    return Claimed(facts, _request(new))


def _request(new: NewRun) -> CallRequest:
    row = new.run
    return CallRequest(
        run_id=row.id,
        env=row.env,
        function=row.function,
        attempt=row.attempt,
        queued_at=row.queued_at,
        events=new.envelopes,
        input=new.input_value,
        parent_run_id=row.parent,
        replay_of=row.replay_of,
    )
