"""Schedules in the admin: when each ticks next and how it did last; made, changed, paused, triggered, backfilled."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from orchestrator.admin.schedule_forms import BackfillForm, ScheduleForm, TimingForm, fits
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.schedules import schedule_of, words
from orchestrator.core.ticking import next_ticks, overdue_since
from orchestrator.engine import scheduling
from orchestrator.models import Schedule, ScheduleTick

SHOWN_NEXT = 5
PREVIEWED = 10
SHOWN_TICKS = 20


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("slug", "function", "reading", "state", "next_times", "last_tick_at", "last_status", "in_time")
    list_filter = ("last_status",)
    search_fields = ("slug", "function")
    ordering = ("slug",)
    actions = ("pause", "resume", "trigger_now")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Schedule]":
        return super().get_queryset(request).filter(removed_at=None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # by the button of its page, which records it

    @admin.display(description="when")
    def reading(self, row: Schedule) -> str:
        return words(schedule_of(**row.timing))

    @admin.display
    def state(self, row: Schedule) -> str:
        if row.paused_at is not None:
            return f"Paused: {row.note}" if row.note else "Paused"
        return "Active" if row.next_tick_at is not None else "Over"

    @admin.display(description="next, in its zone")
    def next_times(self, row: Schedule) -> str:
        if row.paused_at is not None:
            return "-"
        return (
            ", ".join(_in_zone(row, tick) for tick in next_ticks(schedule_of(**row.timing), _now(), SHOWN_NEXT)) or "-"
        )

    @admin.display(boolean=True)
    def in_time(self, row: Schedule) -> bool | None:
        schedule = schedule_of(**row.timing)
        if schedule.expected_within is None:
            return None
        since = max(row.last_success_at or row.watched_from, row.watched_from)
        return overdue_since(schedule, since, _now()) is None

    # Actions on several

    @admin.action(description="Pause selected schedules")
    def pause(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in queryset:
            scheduling.pause(row.slug, note="from the admin", env=row.env, actor=request.user.get_username())

    @admin.action(description="Resume selected schedules")
    def resume(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in queryset:
            scheduling.resume(row.slug, env=row.env, actor=request.user.get_username())

    @admin.action(description="Trigger now")
    def trigger_now(self, request: HttpRequest, queryset: "QuerySet[Schedule]") -> None:
        for row in queryset:
            done = scheduling.trigger_now(row.slug, env=row.env, actor=request.user.get_username())
            self.message_user(request, f"{row.slug}: {done.state} {done.run_id or done.reason}")

    # Its own pages: the engine's verbs have transactions of their own

    def get_urls(self) -> list[Any]:
        preview = path("reading/", self.admin_site.admin_view(self.reading_view), name="orchestrator_schedule_reading")
        return [preview, *super().get_urls()]

    def reading_view(self, request: HttpRequest) -> JsonResponse:
        """What is typed, as people say it, with the next times; or what is wrong with it."""
        form = TimingForm(request.GET)
        form.is_valid()
        try:
            schedule = schedule_of(**form.timing())
        except OrchestratorError as error:
            return JsonResponse({"error": str(error)})
        ticks = next_ticks(schedule, _now(), PREVIEWED)
        return JsonResponse({"words": words(schedule), "next": [tick.isoformat() for tick in ticks], "tz": schedule.tz})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ScheduleForm(request.POST or None)
        if request.method == "POST" and self._put(request, form):
            return HttpResponseRedirect(reverse("admin:orchestrator_schedule_changelist"))
        return self._page(request, {"title": "Add schedule", "form": form})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"there is no schedule {object_id}")
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        done = self._act(request, row) if request.method == "POST" else None
        if done is not None:
            return done
        saves = "save" in request.POST
        form = ScheduleForm(request.POST if saves else None, known=row)
        if saves and fits(row) and self._put(request, form):
            return HttpResponseRedirect(request.path)
        backfill = BackfillForm(request.POST if "count" in request.POST or "backfill" in request.POST else None)
        counted = self._backfill(request, row, backfill)
        ticks = ScheduleTick.objects.filter(schedule=row.id).order_by("-at")[:SHOWN_TICKS]
        told = {"title": row.slug, "row": row, "state": self.state(row), "reading": self.reading(row), "ticks": ticks}
        shown = form if fits(row) else None
        return self._page(request, {**told, "form": shown, "backfill": backfill, "counted": counted})

    def _page(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        whole = {**self.admin_site.each_context(request), "opts": Schedule._meta, **context}
        return TemplateResponse(request, "admin/orchestrator/schedule/schedule.html", whole)

    def _put(self, request: HttpRequest, form: ScheduleForm) -> bool:
        """Whether it was stored."""
        if not form.is_valid() or form.schedule is None:
            return False
        data = form.cleaned_data
        try:
            scheduling.put(
                data["key"],
                data["function"],
                form.schedule,
                payload=data["payload"],
                actor=request.user.get_username(),
            )
        except OrchestratorError as error:
            form.add_error("payload" if "argument" in str(error) else None, str(error))
            return False
        messages.success(request, "The schedule is stored.")
        return True

    def _act(self, request: HttpRequest, row: Schedule) -> HttpResponse | None:
        """The buttons of its page; None when another part of the page was sent."""
        actor = request.user.get_username()
        if "pause" in request.POST:
            scheduling.pause(row.slug, note=request.POST.get("note", ""), env=row.env, actor=actor)
        elif "resume" in request.POST:
            scheduling.resume(row.slug, env=row.env, actor=actor)
        elif "trigger" in request.POST:
            done = scheduling.trigger_now(row.slug, env=row.env, actor=actor)
            messages.success(request, f"A tick by hand: {done.state} {done.run_id or done.reason}")
        elif "delete" in request.POST and not row.declared:
            scheduling.delete(row.slug, env=row.env, actor=actor)
            return HttpResponseRedirect(reverse("admin:orchestrator_schedule_changelist"))
        else:
            return None
        return HttpResponseRedirect(request.path)

    def _backfill(self, request: HttpRequest, row: Schedule, form: BackfillForm) -> scheduling.Backfill | None:
        if not form.is_bound or not form.is_valid():
            return None
        asked = {"preview": "count" in request.POST, "env": row.env, "actor": request.user.get_username()}
        try:
            return scheduling.backfill(row.slug, form.cleaned_data["first"], form.cleaned_data["last"], **asked)
        except OrchestratorError as error:
            form.add_error("first", str(error))
            return None


def _now() -> datetime:
    return datetime.now(UTC)


def _in_zone(row: Schedule, tick: datetime) -> str:
    return f"{tick.astimezone(ZoneInfo(row.timing['tz'])):%a %d %b %H:%M}"
