"""The record of what operators and programs did."""

from django.contrib import admin

from orchestrator.admin.readonly import ReadOnlyAdmin, as_json
from orchestrator.models import Audit


@admin.register(Audit)
class AuditAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "target", "reason")
    list_filter = ("action",)
    search_fields = ("actor", "target", "reason")
    fields = ("at", "env", "actor", "action", "target", "reason", "was", "became")
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="before")
    def was(self, row: Audit) -> str:
        return as_json(row.before)

    @admin.display(description="after")
    def became(self, row: Audit) -> str:
        return as_json(row.after)
