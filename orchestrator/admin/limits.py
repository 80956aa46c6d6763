"""Limits in the admin: every one in force with its use, an override with a reason and an end, and what it would do."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator

from orchestrator.admin.limit_facts import LimitFacts, all_limits, holders_of, values_of
from orchestrator.admin.limit_preview import preview
from orchestrator.admin.readonly import ReadOnlyAdmin
from orchestrator.core.durations import parse_duration
from orchestrator.core.errors import InvalidDuration
from orchestrator.engine.overrides import MOST, clear_override, set_override
from orchestrator.models import Limit


class OverrideForm(forms.Form):
    """A limit to be in force instead of the code's."""

    limit = forms.IntegerField(min_value=1, max_value=MOST, help_text="To stop a function altogether, pause it.")
    period = forms.FloatField(min_value=0.1, required=False, label="Period in seconds")
    reason = forms.CharField(max_length=500, help_text="For the record of actions.")
    expires_in = forms.CharField(
        required=False, label="Ends after", help_text='Such as "2h" or "3 days"; empty for until somebody ends it.'
    )

    def __init__(self, facts: LimitFacts, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
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


@admin.register(Limit)
class LimitAdmin(ReadOnlyAdmin):
    """A list of what is in force and a page for each, instead of rows."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.limit_view)
        return [path("on/<path:target>", view, name="orchestrator_limit_on"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Limits",
            "limits": all_limits(),
            "opts": Limit._meta,
        }
        return TemplateResponse(request, "admin/orchestrator/limit/change_list.html", context)

    # Not in Django's transaction: the engine's writer has one of its own.
    @method_decorator(transaction.non_atomic_requests)
    def limit_view(self, request: HttpRequest, target: str) -> HttpResponse:
        facts = next((one for one in all_limits() if one.target == target), None)
        if facts is None:
            raise Http404(f"no function declares the limit {target!r}")
        if not request.user.has_perm("orchestrator.change_limitoverride"):
            raise PermissionDenied
        form = OverrideForm(facts, request.POST or None, initial={"limit": facts.in_force, "period": facts.period})
        if request.method == "POST" and "restore" in request.POST:
            return self._restore(request, target)
        predicted, asked = None, False
        if request.method == "POST" and form.is_valid():
            if "save" in request.POST:
                return self._save(request, target, form.cleaned_data)
            asked = True
            predicted = preview(facts, form.cleaned_data["limit"], form.cleaned_data.get("period"))
        context = {
            **self.admin_site.each_context(request),
            "title": target,
            "limit": facts,
            "values": values_of(target),
            "holders": holders_of(target),
            "form": form,
            "preview": predicted,
            "asked": asked,
            "opts": Limit._meta,
        }
        return TemplateResponse(request, "admin/orchestrator/limit/limit.html", context)

    def _save(self, request: HttpRequest, target: str, data: dict[str, Any]) -> HttpResponse:
        set_override(
            target,
            data["limit"],
            period=data.get("period"),
            reason=data["reason"],
            expires_at=data["expires_in"],
            actor=request.user.get_username(),
        )
        messages.success(request, f"The limit is {data['limit']} from now on.")
        return HttpResponseRedirect(reverse("admin:orchestrator_limit_on", args=[target]))

    def _restore(self, request: HttpRequest, target: str) -> HttpResponse:
        if clear_override(target, actor=request.user.get_username(), reason=request.POST.get("reason", "")):
            messages.success(request, "The limit is what the code says from now on.")
        return HttpResponseRedirect(reverse("admin:orchestrator_limit_on", args=[target]))
