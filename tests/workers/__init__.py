"""Celery workers, schedulers and web processes beside each other, on PostgreSQL and Redis."""
