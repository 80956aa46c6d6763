"""Saves of the admin's own in the record of actions, in their transaction."""

from typing import Any

from django.http import HttpRequest

from orchestrator.engine.clock import system_clock
from orchestrator.models import Audit


def note(request: HttpRequest, env: int, action: str, target: str, *, before: Any = None, after: Any = None) -> None:
    """Who did what, with the difference."""
    Audit.objects.create(
        id=system_clock.new_id(),
        env=env,
        at=system_clock.now(),
        actor=request.user.get_username()[:150],
        action=action,
        target=target,
        before=before,
        after=after,
    )
