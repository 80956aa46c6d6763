"""What is registered: functions, environments, and the workers that are alive."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from orchestrator.admin.readonly import ReadOnlyAdmin, as_json
from orchestrator.core.flow import Flow
from orchestrator.models import Environment, Function, Worker
from orchestrator.overdue import expected_functions


@admin.register(Function)
class FunctionAdmin(ReadOnlyAdmin):
    list_display = ("slug", "kind", "queue", "limits", "in_time", "registered_at", "removed_at")
    list_filter = ("kind",)
    search_fields = ("slug", "name")
    fields = ("env", "slug", "name", "kind", "version", "registered_at", "removed_at", "started_by", "configured")
    ordering = ("slug",)

    @admin.display
    def queue(self, row: Function) -> str:
        return str(row.config.get("queue", "default"))

    @admin.display
    def limits(self, row: Function) -> str:
        flow = Flow.from_json(row.config.get("flow", {}))
        told = [f"{limit.limit} at once" + (f" by {limit.key}" if limit.key else "") for limit in flow.concurrency]
        if flow.throttle is not None:
            told.append(f"{flow.throttle.limit} in {flow.throttle.period:g} s")
        return ", ".join(told) or "-"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With what is expected of each function, read once for the page."""
        changes = super().get_changelist_instance(request)
        expected = expected_functions(1, datetime.now(UTC))
        for row in changes.result_list:
            row.expected = expected.get(row.slug)
        return changes

    @admin.display(boolean=True)
    def in_time(self, row: Any) -> bool | None:
        return None if row.expected is None else row.expected.overdue_since is None

    @admin.display(description="triggers")
    def started_by(self, row: Function) -> str:
        return as_json(row.triggers)

    @admin.display(description="configuration")
    def configured(self, row: Function) -> str:
        return as_json(row.config)


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("host", "pid", "version", "queues", "concurrency", "started_at", "expires_at", "alive")
    ordering = ("host", "pid")

    @admin.display(boolean=True)
    def alive(self, row: Worker) -> bool:
        return row.expires_at > datetime.now(UTC)


@admin.register(Environment)
class EnvironmentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "name")
    fields = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
