"""What the tests read back: a run's story as the tables tell it."""

from collections.abc import Callable
from typing import Any

from orchestrator.models import Attempt, Blob, Event, Inbox, Journal, Log, Mail, Run, RunData, RunEvent, Wait
from tests.eventually import eventually

SOON_SECONDS = 30  # for a machine with much else to do; whoever waits for it in vain has failed


def run_row(run: str) -> Run:
    return Run.objects.get(id=run)


def until(run: str, *statuses: str, within_seconds: float = SOON_SECONDS) -> Run:
    """The run as soon as it has one of these statuses."""

    def look() -> Run | None:
        row = Run.objects.filter(id=run).first()
        return row if row is not None and row.status in statuses else None

    try:
        return eventually(look, within_seconds=within_seconds, every_seconds=0.005)
    except AssertionError:
        row = Run.objects.filter(id=run).first()
        story = (row and row.status, kinds(run), steps(run), error(run))
        raise AssertionError(f"run {run} is not {statuses}: {story}") from None


def ended(run: str, *, within_seconds: float = SOON_SECONDS) -> Run:
    """The run once it has ended, however it did. Its history is gapless."""
    row = until(run, "completed", "failed", "cancelled", within_seconds=within_seconds)
    assert_dense(run)
    return row


def soon(look: Callable[[], Any]) -> Any:
    return eventually(look, within_seconds=SOON_SECONDS, every_seconds=0.005)


def completed(run: str, *, within_seconds: float = SOON_SECONDS) -> Any:
    """The output of a run that completes."""
    row = ended(run, within_seconds=within_seconds)
    assert row.status == "completed", (row.status, error(run), kinds(run))
    return output(run)


def output(run: str) -> Any:
    return RunData.objects.get(run=run).output


def error(run: str) -> dict[str, Any] | None:
    data = RunData.objects.filter(run=run).first()
    return data.error if data else None


def runs_of(event: str) -> list[str]:
    """Runs that an event started, oldest first."""
    return list(RunEvent.objects.filter(event=event).order_by("run").values_list("run", flat=True))


def run_of(event: str) -> str:
    [run] = runs_of(event)
    return run


def event_row(event: str) -> Event:
    return Event.objects.get(id=event)


def children(run: str) -> list[Run]:
    return list(Run.objects.filter(parent=run).order_by("id"))


def attempts(run: str) -> list[Attempt]:
    return list(Attempt.objects.filter(run=run).order_by("ordinal", "key", "number"))


def steps(run: str) -> dict[str, list[str]]:
    """Statuses of each step's attempts, in order; '' is the function itself."""
    story: dict[str, list[str]] = {}
    for attempt in attempts(run):
        story.setdefault(attempt.key, []).append(attempt.status)
    return story


def memo(run: str, key: str) -> Any:
    """What a step's last attempt answered."""
    last = Attempt.objects.filter(run=run, key=key).order_by("number").last()
    assert last is not None, f"step {key!r} has no attempt"
    return last.output


def journal(run: str) -> list[Journal]:
    return list(Journal.objects.filter(run=run).order_by("seq"))


def kinds(run: str) -> list[str]:
    return [entry.kind for entry in journal(run)]


def logs(run: str) -> list[tuple[str, int, str]]:
    """Step, attempt and text of each line."""
    return list(Log.objects.filter(run=run).order_by("id").values_list("key", "number", "message"))


def warnings(run: str) -> list[tuple[str, str]]:
    """Step and text of each warning for the run's author."""
    rows = Log.objects.filter(run=run, level="WARNING", logger="signalbox").order_by("id")
    return list(rows.values_list("key", "message"))


def blobs(run: str) -> list[Blob]:
    return list(Blob.objects.filter(run=run))


def assert_dense(run: str) -> None:
    """The journal has each number once, and the run's own count says how many."""
    numbers = list(Journal.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    counted = run_row(run).seq
    assert numbers == list(range(1, counted + 1)), (numbers, counted)


def leftovers() -> dict[str, int]:
    """Rows that only live while something is under way."""
    return {"inbox": Inbox.objects.count(), "wait": Wait.objects.count(), "mail": Mail.objects.count()}
