"""What people type into the console's forms: JSON with the place of its mistake, names, steps."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django import forms
from django.core.exceptions import ValidationError

from console.presenters.backfilling import OVERLAP_WORDS
from console.presenters.text import size
from orchestrator.conf import settings
from orchestrator.core.errors import InvalidEvent, InvalidSchedule
from orchestrator.core.events import MAX_DEPTH, MAX_NAME_BYTES, IncomingEvent, check_event
from orchestrator.core.schedules import moment_of
from orchestrator.engine.signals import MAX_NAME

WALL = "%Y-%m-%dT%H:%M"
EXAMPLE = "2026-11-30T09:00"

KINDS = {list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}


class JsonText(forms.Field):
    """A textarea of JSON. What is wrong with it is said with line and column."""

    def __init__(self, *, is_object: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.is_object = is_object

    def to_python(self, text: str | None) -> Any:
        if not (text or "").strip() and not self.required:
            return None
        return read_json(text or "", is_object=self.is_object)

    def validate(self, value: Any) -> None:
        """An empty object is a value like any other."""


def read_json(text: str, *, is_object: bool = True) -> Any:
    """The value of JSON that a person typed. Raises ValidationError, which says where and why."""
    raw, most_bytes = text.encode("utf-8", "replace"), settings().max_event_bytes
    if len(raw) > most_bytes:
        raise ValidationError(f"This is {size(len(raw))}: at most {size(most_bytes)} can be sent.")
    if not text.strip():
        raise ValidationError("Nothing is here: give {} for an empty object." if is_object else "Nothing is here.")
    if place := _too_deep(text):
        raise ValidationError(f"{_at(*place)}: nested over {MAX_DEPTH} levels deep.")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValidationError(f"{_at(error.lineno, error.colno)}: {error.msg}.") from None
    if is_object and not isinstance(value, dict):
        raise ValidationError(f"This is {KINDS[type(value)]}: an object is needed, such as {{}}.")
    return value


def _too_deep(text: str) -> tuple[int, int] | None:
    """Line and column of the bracket that is one too many, by a look at brackets outside of strings."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return None
    depth, in_string, escaped = 0, False, False
    for place, character in enumerate(text):
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
        elif character in "}]":
            depth -= 1
    return None


def _at(line: int, column: int) -> str:
    return f"Line {line}, column {column}"


class EventForm(forms.Form):
    """An event to send."""

    name = forms.CharField(max_length=MAX_NAME_BYTES, error_messages={"required": "An event needs a name."})
    data = JsonText()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "name" in cleaned and "data" in cleaned:
            try:
                check_event(IncomingEvent(cleaned["name"], cleaned["data"]))
            except InvalidEvent as error:
                self.add_error("name", f"{str(error)[0].upper()}{str(error)[1:]}.")
        return cleaned


class RetriggerForm(forms.Form):
    """An event's data, perhaps edited."""

    data = JsonText()


class ReplayForm(forms.Form):
    """Where a replay begins ('' is the beginning), and its payload when that can be edited."""

    step = forms.CharField(required=False, strip=False, max_length=255)
    data = JsonText()


class SignalForm(forms.Form):
    """A signal for a run."""

    name = forms.CharField(max_length=MAX_NAME, error_messages={"required": "A signal needs a name."})
    data = JsonText(required=False, is_object=False)
    key = forms.CharField(required=False, max_length=255)


class WallMoment(forms.Field):
    """A moment as the clock on the wall of a zone says it; one that names its own zone is taken at that."""

    def __init__(self, zone: ZoneInfo, **options: Any) -> None:
        super().__init__(**options)
        self.zone = zone

    def to_python(self, text: str | None) -> datetime | None:
        if not (text or "").strip():
            return None
        try:
            moment = datetime.fromisoformat((text or "").strip())
        except ValueError:
            raise ValidationError(f"This is no moment: give one such as {EXAMPLE}.") from None
        try:
            return moment_of(moment if moment.tzinfo else moment.replace(tzinfo=self.zone))
        except (InvalidSchedule, OverflowError):
            raise ValidationError("This is too far away.") from None


class BackfillForm(forms.Form):
    """A range of ticks, both ends included, and how its runs get along."""

    overlap = forms.ChoiceField(choices=[(each.value, words) for each, words in OVERLAP_WORDS.items()])

    def __init__(self, zone: ZoneInfo, data: Any, *, initial: tuple[datetime, datetime]) -> None:
        first, last = initial
        super().__init__(data, initial={"first": f"{first:{WALL}}", "last": f"{last:{WALL}}"})
        self.fields["first"] = WallMoment(zone, error_messages={"required": "Where does the range begin?"})
        self.fields["last"] = WallMoment(zone, error_messages={"required": "Where does the range end?"})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first is not None and last is not None and last < first:
            self.add_error("last", "This is before the beginning.")
        return cleaned


class PauseForm(forms.Form):
    """Why something is paused."""

    note = forms.CharField(max_length=500, required=False)
