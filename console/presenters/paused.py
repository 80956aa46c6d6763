"""Why a run is held back though no limit does it: who has paused what, and why."""

from console.presenters.waiting import Line
from orchestrator.core.pausing import GATE, PauseKind, reason
from orchestrator.models import Pause, Run


def paused_line(run: Run) -> Line | None:
    """None for a run that no pause holds back. One query for one that is."""
    if run.gate is None or not run.gate.startswith(GATE):
        return None
    pause = Pause.objects.filter(key=run.gate, resumed_at=None).first()
    return None if pause is None else Line(reason(PauseKind(pause.kind), pause.actor, pause.note))
