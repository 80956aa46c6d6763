"""Who did it: from the record of operators' actions."""

from datetime import datetime, timedelta

from orchestrator.core.ids import new_id
from orchestrator.models import Audit

NEAR = timedelta(minutes=1)


def who_did(action: str, target: str, at: datetime, **made: str) -> str:
    """The actor of the action that made what came at ``at``, '' when nobody is on record.

    Ids of the record are in the order of time: only those around that moment are read.
    """
    entries = Audit.objects.filter(id__gte=new_id(at - NEAR, bytes(10)), id__lte=new_id(at + NEAR, b"\xff" * 10))
    found = entries.filter(action=action, target=target).values_list("actor", "after")[:100]
    return next((actor for actor, after in found if made.items() <= (after or {}).items()), "")
