"""Rows as the journal writer inserts them: one tuple a table, fields named as the columns.

Ids are ULID text, moments aware datetimes, JSON columns JSON text; the dialects turn them into what drivers take.
"""

from datetime import datetime
from typing import NamedTuple


class EventRow(NamedTuple):
    id: str
    env: int
    name: str
    data: str
    user: str | None
    v: str | None
    ts: datetime
    external_id: str | None
    duplicate_of: str | None
    retrigger_of: str | None
    source: str
    source_run: str | None
    skipped: str | None
    received_at: datetime
    routed_at: datetime | None


class KeyRow(NamedTuple):
    env: int
    scope: str
    key: str
    ref: str
    expires_at: datetime


class RunRow(NamedTuple):
    id: str
    env: int
    function: str
    version: str
    trigger: str
    root: str
    parent: str | None
    parent_key: str | None
    replay_of: str | None
    replay_from: str | None
    status: str
    queue: str
    prio: int
    owner: str | None
    fence: int
    seq: int
    attempt: int
    due_at: datetime | None
    lost: int
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None = None
    limits: str | None = None
    gate: str | None = None
    fair: int | None = None


class RunDataRow(NamedTuple):
    run: str
    input: str | None
    output: str | None = None
    output_blob: str | None = None
    error: str | None = None
    tags: str = "[]"


class RunEventRow(NamedTuple):
    run: str
    n: int
    event: str


class AttemptRow(NamedTuple):
    run: str
    key: str
    number: int
    op: str
    ordinal: int
    status: str
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str
    fence: int
    output: str | None
    blob: str | None
    error: str | None
    detail: str | None
    reused: bool = False


class JournalRow(NamedTuple):
    run: str
    seq: int
    kind: str
    key: str
    number: int
    at: datetime
    actor: str
    data: str | None


class LogRow(NamedTuple):
    run: str
    key: str
    number: int
    at: datetime
    level: str
    logger: str
    message: str


class WaitRow(NamedTuple):
    run: str
    key: str
    kind: str
    env: int
    name: str
    eq: str
    expr: str | None
    number: int
    due_at: datetime | None
    created_at: datetime


class CancelOnRow(NamedTuple):
    run: str
    n: int
    env: int
    name: str
    eq: str
    expr: str | None
    expires_at: datetime | None
    created_at: datetime


class DeadlineRow(NamedTuple):
    run: str
    kind: str
    at: datetime
    allowed_ms: int


class InboxRow(NamedTuple):
    run: str
    dedup: str
    kind: str
    data: str | None
    at: datetime


class MailRow(NamedTuple):
    run: str
    name: str
    n: int
    payload: str | None


class SlotRow(NamedTuple):
    run: str
    key: str
    fence: int
    at: datetime


class BlobRow(NamedTuple):
    id: str
    run: str
    size: int
    sha256: str
    body: str


Row = (
    EventRow
    | SlotRow
    | KeyRow
    | RunRow
    | RunDataRow
    | RunEventRow
    | AttemptRow
    | JournalRow
    | LogRow
    | WaitRow
    | CancelOnRow
    | DeadlineRow
    | InboxRow
    | MailRow
    | BlobRow
)


class AttemptEnd(NamedTuple):
    """How an attempt whose row already stands ended."""

    run: str
    key: str
    number: int
    status: str
    ended_at: datetime
    output: str | None
    blob: str | None
    error: str | None
    detail: str | None


class RunMove(NamedTuple):
    """A run's new place: released (owner None), or moved within its owner."""

    run: str
    status: str
    owner: str | None
    due_at: datetime | None
    attempt: int
    ended_at: datetime | None


class RunResult(NamedTuple):
    run: str
    output: str | None
    output_blob: str | None
    error: str | None
