"""Keys: made here and shown once, shut out by an action."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from orchestrator.admin.noting import note
from orchestrator.engine.keys import create_key, revoke_key
from orchestrator.models import Key


@admin.register(Key)
class KeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "kind", "env", "prefix", "created_at", "revoked_at")
    list_filter = ("kind", "env")
    search_fields = ("name", "prefix")
    fields = ("env", "kind", "name")
    ordering = ("-id",)
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)  # the list and its action only

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Key, form: "ModelForm[Any]", change: bool) -> None:
        made, secret = create_key(Key.Kind(obj.kind), obj.name, obj.env_id)
        obj.pk, obj.created_at, obj.sha256, obj.prefix = made.pk, made.created_at, made.sha256, made.prefix
        note(request, obj.env_id, "key.create", made.pk, after={"name": made.name, "kind": made.kind})
        messages.warning(request, f"The key of {made.name} is shown this once: {secret}")

    @admin.action(description="Revoke selected keys")
    def revoke(self, request: HttpRequest, queryset: "QuerySet[Key]") -> None:
        for key in queryset.filter(revoked_at=None):
            revoke_key(key.pk)
            note(request, key.env_id, "key.revoke", key.pk, before={"name": key.name, "kind": key.kind})
        self.message_user(request, "Revoked: other processes refuse them within two seconds.")
