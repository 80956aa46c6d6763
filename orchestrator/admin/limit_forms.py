"""Limits and numbers of places as forms."""

from datetime import UTC, datetime

from django import forms
from django.http import QueryDict

from orchestrator.admin.limit_facts import LimitFacts
from orchestrator.admin.place_facts import PlaceFacts
from orchestrator.core.durations import parse_duration
from orchestrator.core.errors import InvalidDuration
from orchestrator.engine.overrides import MOST

HELP = "How many runs the workers execute at once. For the preview only: start or stop workers to change it."


class OverrideForm(forms.Form):
    """A limit to be in force instead of the code's."""

    limit = forms.IntegerField(min_value=1, max_value=MOST, help_text="To stop a function altogether, pause it.")
    period = forms.FloatField(min_value=0.1, required=False, label="Period in seconds")
    reason = forms.CharField(max_length=500, help_text="For the record of actions.")
    expires_in = forms.CharField(
        required=False, label="Ends after", help_text='Such as "2h" or "3 days"; empty for until somebody ends it.'
    )

    def __init__(self, facts: LimitFacts, data: QueryDict | None) -> None:
        super().__init__(data, initial={"limit": facts.in_force, "period": facts.period_in_force})
        self.fields["reason"].required = data is None or "save" in data  # a look needs none
        if facts.period is None:
            del self.fields["period"]
        else:
            self.fields["period"].required = True

    def clean_expires_in(self) -> datetime | None:
        text = self.cleaned_data["expires_in"]
        if not text:
            return None
        try:
            return datetime.now(UTC) + parse_duration(text)
        except InvalidDuration as error:
            raise forms.ValidationError(str(error)) from None


class PlacesForm(forms.Form):
    """Another number of places for the preview."""

    places = forms.IntegerField(min_value=1, max_value=MOST, label="Places of execution")

    def __init__(self, facts: PlaceFacts, data: QueryDict | None) -> None:
        super().__init__(data, initial={"places": facts.places or None})
        self.fields["places"].required = False
        self.fields["places"].help_text = HELP if facts.workers else f"No worker is alive for {facts.name} now. {HELP}"
