"""Operating Signalbox from Django's admin: limits, functions, keys, environments, workers, and the record of it all."""

from orchestrator.admin import audit, catalog, keys, limits, pauses, schedules

__all__ = ["audit", "catalog", "keys", "limits", "pauses", "schedules"]
