"""What runs were started with: the payload of a call, or the data of their events."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Case, F, TextField, Value, When
from django.db.models.functions import Cast, Length
from django.db.models.lookups import LessThanOrEqual

from orchestrator.api.queries.rows import rows
from orchestrator.conf import settings
from orchestrator.models import Event, RunData
from orchestrator.models.fields import JsonField


def load_inputs(event_ids: Mapping[str, Sequence[str]], *, whole: bool) -> dict[str, Any]:
    """The input of each run in ``event_ids``. Two queries. Unless ``whole``, large values are null and not read."""
    column = "{}" if whole else "small_{}"
    calls = rows(RunData).filter(run__in=list(event_ids)).annotate(small_input=_unless_large("input"))
    inputs: dict[str, Any] = dict(calls.values_list("run", column.format("input")))
    named = [id for ids in event_ids.values() for id in ids]
    events = rows(Event).filter(id__in=named).annotate(small_data=_unless_large("data"))
    data = dict(events.values_list("id", column.format("data")))
    return {run: _input(inputs.get(run), [data.get(id) for id in ids]) for run, ids in event_ids.items()}


def _input(call: Any, event_data: Sequence[Any]) -> Any:
    if call is not None or not event_data:
        return call
    return event_data[0] if len(event_data) == 1 else list(event_data)


def _unless_large(column: str) -> Case:
    size = Length(Cast(column, TextField()))
    small = When(LessThanOrEqual(size, Value(settings().blob_bytes)), then=F(column))
    return Case(small, default=Value(None), output_field=JsonField(null=True))
