"""The rows of the examples in the admin, newest first."""

from django.contrib import admin
from django.db.models import Model

from examples.models import Analysis, Article, Charge, Commit, DayReport, Invoice, Mail

SHOWN: dict[type[Model], tuple[str, ...]] = {
    Analysis: ("title", "level", "words", "summarised_by", "created_at"),
    Article: ("title", "author", "approved_by", "published_at"),
    Charge: ("key", "amount_cents", "calls", "booked_at"),
    Commit: ("repository", "sha", "subject", "author"),
    DayReport: ("day", "mails", "recipients", "deleted"),
    Invoice: ("id", "order", "email", "amount_cents", "state", "receipt"),
    Mail: ("to", "subject", "sent_at"),
}

for model, columns in SHOWN.items():
    listing = type(f"{model.__name__}Admin", (admin.ModelAdmin,), {"list_display": columns, "ordering": ("-pk",)})
    admin.site.register(model, listing)
