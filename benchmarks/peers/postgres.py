"""What a peer's program asks PostgreSQL: what its commits are worth, and where its processes are."""

import os
from urllib.parse import unquote, urlsplit

import psycopg

from benchmarks.memory import parent_of

SETTINGS = ("server_version", "fsync", "synchronous_commit")


def database_url() -> str:
    """DATABASE_URL of a server on a unix socket, in the one form that all drivers read."""
    url = urlsplit(os.environ["DATABASE_URL"])
    user, _, folder = url.netloc.rpartition("@")
    return f"postgresql://{user}@{url.path}?host={unquote(folder)}"


def postgres_facts(url: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        shown = {name: str(connection.execute(f"SHOW {name}".encode()).fetchone()[0]) for name in SETTINGS}  # type: ignore[index]
    return {"database": f"PostgreSQL {shown.pop('server_version').split()[0]}"} | shown


def postmaster_pid(url: str) -> int | None:
    """PostgreSQL's first process; None when we may not look into it."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        parent = parent_of(row[0]) if row else None  # while the connection keeps it alive
    return parent if parent and os.access(f"/proc/{parent}/smaps_rollup", os.R_OK) else None
