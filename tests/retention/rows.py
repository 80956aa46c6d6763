"""Runs of long ago as the engine would have left them."""

from datetime import timedelta
from typing import Any

from django.apps import apps

from orchestrator.models import Attempt, Blob, Event, Run, RunEvent
from tests.console.factories import NOW, RunBuilder, fresh_id, make_event

OLD = timedelta(days=60)
YOUNG = timedelta(days=3)


def make_run(
    age: timedelta = OLD, *, status: str = "completed", event: Event | None = None, lines: int = 0, **more: Any
) -> Run:
    """A run of two steps, made so long ago."""
    builder = RunBuilder(more.pop("function", "process-order"), NOW - age, **more)
    builder.step("load").step("charge")
    for n in range(lines):
        builder.log("load", f"line {n}")
    return builder.save(status, event=event)


def make_old_event(age: timedelta = OLD, **more: Any) -> Event:
    return make_event(at=NOW - age, **more)


def child_of(parent: Run, age: timedelta = OLD, **more: Any) -> Run:
    return make_run(age, parent=parent.id, parent_key="child", root=parent.root, trigger="invoke", **more)


def give_blob(run: Run, *others: Run) -> Blob:
    """A large value of a step of this run, to which steps of the others refer as well."""
    blob = Blob.objects.create(id=fresh_id(), run=run.id, size=100_000, sha256="0" * 64, body='"large"')
    for each in (run, *others):
        Attempt.objects.filter(run=each.id, key="load").update(blob=blob.id, output=None)
    return blob


def runs() -> set[str]:
    return set(Run.objects.values_list("id", flat=True))


def rows_of(run: str) -> dict[str, int]:
    """How many rows each table still has of a run."""
    models = [
        m for m in apps.get_app_config("orchestrator").get_models() if any(f.name == "run" for f in m._meta.fields)
    ]
    counts = {model.__name__: model._default_manager.filter(run=run).count() for model in models}
    return {name: count for name, count in counts.items() if count}


def started_by(event: Event) -> int:
    return RunEvent.objects.filter(event=event.id).count()
