"""Django's PostgreSQL backend whose pool keeps nobody waiting for a database that is away.

psycopg's pool lets everybody wait for 20 seconds while it cannot connect, and tries at ever longer intervals.
"""

from typing import Any

from django.db.backends.postgresql import base

from orchestrator.db.postgresql.outage import outage_of


class DatabaseWrapper(base.DatabaseWrapper):
    """``django.db.backends.postgresql``; without a pool there is no difference."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        pool = self.pool
        if pool is not None:
            outage = outage_of(self.alias)
            outage.refuse()
            if not pool.get_stats()["pool_available"]:
                outage.watch()
        return super().get_new_connection(conn_params)
