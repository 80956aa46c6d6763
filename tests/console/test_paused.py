"""Why a run is held back though no limit does it: who has paused what."""

import pytest
from django.test import Client

from orchestrator.core.pausing import Paused, PauseKind
from orchestrator.models import Pause
from tests.console.factories import NOW, RunBuilder

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind, name", [(PauseKind.FUNCTION, "ship-order"), (PauseKind.ENVIRONMENT, "")])
def test_a_paused_run_tells_who_paused_what_and_why(visitor: Client, kind: PauseKind, name: str) -> None:
    key = Paused(1, kind, name).key
    Pause.objects.create(key=key, env=1, kind=kind, name=name, note="deploy", actor="ann", at=NOW)
    run = RunBuilder(gate=key).save("queued")
    [line] = visitor.get(f"/runs/{run.id}").context["page"].banner.lines
    assert line.text == f"Paused: its {kind} is paused by ann: deploy"


def test_after_the_resume_it_is_told_no_more(visitor: Client) -> None:
    key = Paused(1, PauseKind.QUEUE, "default").key
    Pause.objects.create(key=key, env=1, kind="queue", name="default", at=NOW, resumed_at=NOW)
    run = RunBuilder(gate=key).save("queued")
    [line] = visitor.get(f"/runs/{run.id}").context["page"].banner.lines
    assert "Paused" not in line.text
