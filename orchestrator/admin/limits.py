"""Limits in the admin: every one in force with its use, an override with a reason and an end, and what it would do."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator

from orchestrator.admin.limit_facts import Kind, LimitFacts, all_limits
from orchestrator.admin.limit_forms import OverrideForm, PlacesForm
from orchestrator.admin.limit_preview import Change, preview_limit, preview_places
from orchestrator.admin.limit_tables import tables_of
from orchestrator.admin.place_facts import all_places, places_of, queues_of
from orchestrator.admin.readonly import ReadOnlyAdmin
from orchestrator.admin.skip_preview import preview_skips
from orchestrator.engine.overrides import clear_override, set_override
from orchestrator.models import Function, Limit


@admin.register(Limit)
class LimitAdmin(ReadOnlyAdmin):
    """A list of what is in force and a page for each, instead of rows."""

    def get_urls(self) -> list[Any]:
        site = self.admin_site
        return [
            path("on/<path:target>", site.admin_view(self.limit_view), name="orchestrator_limit_on"),
            path("places/<path:queue>", site.admin_view(self.places_view), name="orchestrator_limit_places"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        told = {"title": "Limits", "limits": all_limits(), "places": all_places()}
        return self._page(request, "change_list", told)

    # Not in Django's transaction: the engine's writer has one of its own.
    @method_decorator(transaction.non_atomic_requests)
    def limit_view(self, request: HttpRequest, target: str) -> HttpResponse:
        facts = next((one for one in all_limits() if one.target == target), None)
        if facts is None:
            raise Http404(f"no function declares the limit {target!r}")
        if not request.user.has_perm("orchestrator.change_limitoverride"):
            raise PermissionDenied
        if request.method == "POST" and "restore" in request.POST:
            return self._restore(request, target)
        told = {"title": target, "limit": facts, "tables": tables_of(facts)}
        if not facts.changeable:
            return self._page(request, "limit", told)
        data = request.POST if request.method == "POST" else None
        form = OverrideForm(facts, data)
        if form.is_valid() and "save" in request.POST:
            return self._save(request, target, form.cleaned_data)
        return self._page(request, "limit", {**told, "form": form, **_previewed(facts, form, data)})

    def places_view(self, request: HttpRequest, queue: str) -> HttpResponse:
        """What another number of places would have done to the queues that share these workers."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        places = next((one for one in all_places() if queue in one.queues), None)
        if places is None:
            raise Http404(f"no function waits in a queue {queue!r}, and no worker looks into it")
        form = PlacesForm(places, request.POST if request.method == "POST" else None)
        asked = form.is_valid()
        predicted = preview_places(places, Change(places=form.cleaned_data["places"])) if asked else None
        told = {"places": places, "places_form": form, "preview": predicted, "asked": asked}
        return self._page(request, "places", {"title": f"Places of {places.name}", **told})

    def _page(self, request: HttpRequest, name: str, told: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": Limit._meta, **told}
        return TemplateResponse(request, f"admin/orchestrator/limit/{name}.html", context)

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


def _previewed(facts: LimitFacts, form: OverrideForm, data: QueryDict | None) -> dict[str, Any]:
    """The form of places, and what the change would have done when that is asked."""
    if facts.kind is Kind.RATE_LIMIT:  # what it lets by waits for a place like any other
        asked = form.is_valid()
        return {"asked": asked, "preview": preview_skips(facts, _change(form)) if asked else None}
    places = places_of(queues_of(Function.objects.filter(env=1, slug__in=facts.functions)))
    places_form = PlacesForm(places, data)
    asked = form.is_valid() and places_form.is_valid()
    predicted = None
    if asked:
        predicted = preview_limit(facts, places, _change(form, places_form.cleaned_data["places"]))
    return {"places_form": places_form, "asked": asked, "preview": predicted}


def _change(form: OverrideForm, places: int | None = None) -> Change:
    return Change(form.cleaned_data["limit"], form.cleaned_data.get("period"), places)
