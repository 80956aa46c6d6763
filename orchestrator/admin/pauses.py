"""Pauses: what is held back, by whom and why; begun and ended here."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from orchestrator.core.pausing import PauseKind
from orchestrator.engine.pauses import pause, resume
from orchestrator.models import Pause


@admin.register(Pause)
class PauseAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("kind", "name", "env", "note", "actor", "at")
    list_filter = ("kind",)
    search_fields = ("name", "note")
    fields = ("env", "kind", "name", "note")
    actions = ("resume",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Pause]":
        return super().get_queryset(request).filter(resumed_at=None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)  # the list and its action only

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Pause, form: "ModelForm[Any]", change: bool) -> None:
        """By the engine's verb, after the admin's own transaction: it is on record and acts at once."""
        actor = request.user.get_username()
        begin = partial(pause, PauseKind(obj.kind), obj.name, env=obj.env, note=obj.note, actor=actor)
        obj.pk = f"{obj.kind} {obj.name}"
        transaction.on_commit(begin)

    @admin.action(description="Resume selected pauses")
    def resume(self, request: HttpRequest, queryset: "QuerySet[Pause]") -> None:
        for paused in queryset:
            resume(PauseKind(paused.kind), paused.name, env=paused.env, actor=request.user.get_username())
        self.message_user(request, "Resumed: what waited goes on, in its order.")
