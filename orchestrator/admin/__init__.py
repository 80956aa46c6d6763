"""Operating Signalbox from Django's admin: limits, functions, keys, environments, workers, and the record of it all."""

from orchestrator.admin import audit, catalog, keys, limits

__all__ = ["audit", "catalog", "keys", "limits"]
