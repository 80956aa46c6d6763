"""Schedules as forms: what is typed is checked as the engine reads it, and told at the field."""

from typing import Any

import orjson
from django import forms

from orchestrator.core.errors import InvalidInput
from orchestrator.core.schedules import CatchUp, Overlap, Schedule, schedule_of
from orchestrator.models import Function
from orchestrator.models import Schedule as Row

SHORT_TEXT = forms.TextInput(attrs={"size": 30})


def fits(row: Row) -> bool:
    """Whether the form can say all that the schedule says: programs may give more intervals, with offsets."""
    every = row.timing["every"]
    return not row.declared and len(every) <= 1 and not any(each["offset"] for each in every)


class TimingForm(forms.Form):
    """When a schedule ticks."""

    cron = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 40}),
        help_text='One a line: "0 9 * * MON", "@daily", "0 0 9 L * *" with seconds.',
    )
    every = forms.CharField(
        required=False, widget=SHORT_TEXT, help_text='Such as "15m"; instead of a cron or beside it.'
    )
    tz = forms.CharField(initial="UTC", label="Time zone", widget=SHORT_TEXT)
    exclude = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 40}),
        help_text="Days or crons on which it does not tick, one a line.",
    )

    def timing(self) -> dict[str, Any]:
        """As ``schedule_of`` takes it."""
        data = self.cleaned_data
        return {
            "cron": _lines(data.get("cron")),
            "every": [data["every"]] if data.get("every") else [],
            "tz": data.get("tz") or "UTC",
            "exclude": _lines(data.get("exclude")),
        }


class ScheduleForm(TimingForm):
    """A whole schedule. ``schedule`` is what it says, once it is valid."""

    key = forms.CharField(
        max_length=200, widget=SHORT_TEXT, help_text="By which it is known; the same key is the same one."
    )
    function = forms.ChoiceField()
    payload = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3, "cols": 40}), help_text="JSON; a task's arguments."
    )
    overlap = forms.ChoiceField(
        choices=[(each.value, each.value.replace("_", " ")) for each in Overlap], initial="allow"
    )
    catch_up = forms.ChoiceField(choices=[(each.value, each.value) for each in CatchUp], initial="latest")
    window = forms.CharField(initial="1 day", widget=SHORT_TEXT, help_text="How late a missed tick is still caught up.")
    jitter = forms.CharField(
        required=False, widget=SHORT_TEXT, help_text='Puts each tick off by less than that: "30s".'
    )
    start = forms.CharField(required=False, widget=SHORT_TEXT, help_text="A moment, such as 2026-12-01T00:00:00Z.")
    end = forms.CharField(required=False, widget=SHORT_TEXT)
    max_runs = forms.IntegerField(required=False, min_value=1)
    pause_on_failure = forms.BooleanField(required=False)
    expected_within = forms.CharField(
        required=False, widget=SHORT_TEXT, help_text="Overdue when no run has completed that long after its tick."
    )
    field_order = ("key", "function", "cron", "every", "tz", "exclude", "payload", "overlap", "catch_up", "window")

    def __init__(self, *args: Any, known: Row | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        slugs = Function.objects.filter(env=1, removed_at=None).order_by("slug").values_list("slug", flat=True)
        self.fields["function"].choices = [(slug, slug) for slug in slugs]  # type: ignore[attr-defined]
        self.schedule: Schedule | None = None
        if known is not None:
            self.fields["key"].disabled = True
            self.initial |= initial_of(known)

    def clean_payload(self) -> Any:
        text = self.cleaned_data["payload"]
        try:
            return orjson.loads(text) if text else None
        except orjson.JSONDecodeError as error:
            raise forms.ValidationError(f"This is no JSON: {error}") from None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        rest = ("overlap", "catch_up", "window", "max_runs", "pause_on_failure", "start", "end", "expected_within")
        wanted = {name: data[name] for name in rest if data.get(name)}
        try:
            self.schedule = schedule_of(**self.timing(), jitter=data.get("jitter") or 0, **wanted)
        except InvalidInput as error:
            field = next((name for name in self.fields if data.get(name) and repr(data[name]) in str(error)), "cron")
            self.add_error(field, str(error))
        return data


class BackfillForm(forms.Form):
    """A range of ticks to make up for."""

    first = forms.CharField(label="From", widget=SHORT_TEXT, help_text="A moment, such as 2026-11-01T00:00:00Z.")
    last = forms.CharField(label="To", widget=SHORT_TEXT)


def initial_of(row: Row) -> dict[str, Any]:
    timing = row.timing
    return {
        "key": row.slug,
        "function": row.function,
        "cron": "\n".join(timing["cron"]),
        "every": ", ".join(f"{each['seconds']:g}s" for each in timing["every"]),
        "exclude": "\n".join(timing["exclude"]),
        "payload": "" if row.payload is None else orjson.dumps(row.payload).decode(),
        "window": f"{timing['window']:g}s",
        "jitter": f"{timing['jitter']:g}s" if timing["jitter"] else "",
        "expected_within": f"{timing['expected_within']:g}s" if timing["expected_within"] else "",
        **{
            name: timing[name] for name in ("tz", "overlap", "catch_up", "start", "end", "max_runs", "pause_on_failure")
        },
    }


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
