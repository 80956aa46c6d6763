"""What is, against what has to be: a sentence for each difference."""

from collections import Counter
from collections.abc import Iterator, Sequence

from torture.driver import Acknowledged
from torture.expectations import ExpectedRun, expected_fork, expected_run
from torture.findings import Attempt, Event, Findings, Run
from torture.programs import End, Program
from torture.witness import UNKNOWN, Line

BODIES_OF_DEAD = {"failed", "lost", "cancelled"}


def differences(findings: Findings, programs: Sequence[Program], done: Acknowledged) -> list[str]:
    """None when every acknowledged thing is there exactly once and came to what was computed."""
    return [
        *_programs(findings, programs, done),
        *_parcels(findings, done),
        *_doubled_events(findings),
    ]


def _programs(findings: Findings, programs: Sequence[Program], done: Acknowledged) -> Iterator[str]:
    for program in programs:
        run_id = done.runs.get(program.label) or _only_run(findings, done.events.get(program.label))
        run = findings.runs.get(run_id or "")
        if run is None:
            yield f"{program.label}: acknowledged, and its run is not there (or there are several)"
            continue
        if program.end is End.KILLER:
            yield from _killer(program, run)
            continue
        yield from compare(expected_run(program), run, findings)
        forks = findings.forks(run.id)
        acknowledged = done.forks.get(program.label)
        if [fork.id for fork in forks] != [acknowledged] * bool(acknowledged):
            yield f"{program.label}: replays {[fork.id for fork in forks]}, acknowledged {acknowledged}"
        for fork in forks if acknowledged else ():
            yield from (f"replay of {text}" for text in compare(expected_fork(program), fork, findings))


def _only_run(findings: Findings, event: str | None) -> str | None:
    found = findings.events.get(event or "")
    if found and found.duplicate_of:  # the answer to a request that was repeated
        found = findings.events.get(found.duplicate_of)
    return found.runs[0] if found and len(found.runs) == 1 else None


def _killer(program: Program, run: Run) -> Iterator[str]:
    if run.status != "failed" or "WorkerLost" not in (run.error or ""):
        yield f"{program.label} {run.id}: {run.status} {run.error}, wanted failed by WorkerLost"


def compare(expected: ExpectedRun, run: Run, findings: Findings) -> Iterator[str]:
    """Differences of a run, its children and what it has sent."""
    who = f"{expected.label} {run.id}"
    if (run.status, run.output) != (expected.status, expected.output):
        yield f"{who}: {run.status} {run.output} {run.error or ''}, wanted {expected.status} {expected.output}"
    yield from (f"{who}: {text}" for text in _bodies(expected, run))
    if sorted(run.bookings) != sorted(expected.bookings):
        yield f"{who}: booked {Counter(run.bookings)}, wanted {sorted(expected.bookings)} once each"
    if run.children.keys() != expected.children.keys():
        yield f"{who}: children {sorted(run.children)}, wanted {sorted(expected.children)}"
    for key, child in expected.children.items():
        for found in run.children.get(key, []):
            yield from compare(child, found, findings)
    yield from (f"{who}: {text}" for text in _sent(expected, run, findings))


def _bodies(expected: ExpectedRun, run: Run) -> Iterator[str]:
    transactions = {key for key, rows in run.attempts.items() if rows[0].op == "transaction"}
    if transactions != expected.bookings:
        yield f"transactions {sorted(transactions)}, wanted {sorted(expected.bookings)}"
    steps = run.attempts.keys() - transactions
    if steps != expected.bodies.keys():
        yield f"steps {sorted(steps)}, wanted {sorted(expected.bodies)}"
    if strange := run.lines.keys() - expected.bodies.keys():
        yield f"bodies of {sorted(strange)} ran"
    for key, fails in expected.bodies.items():
        if rows := run.attempts.get(key):
            wanted = "failed" if key in expected.given_up else "completed"
            for text in _attempts(rows, run.lines.get(key, []), wanted, fails):
                yield f"step {key}: {text}: {rows} after {run.lines.get(key)}"


def _attempts(rows: list[Attempt], lines: list[Line], wanted: str, fails: int) -> Iterator[str]:
    *former, last = rows
    if last.status != wanted:
        yield f"{last.status}, wanted {wanted}"
    statuses = Counter(row.status for row in former)
    if statuses.keys() - {"failed", "lost"} or statuses["failed"] > fails:
        yield f"former attempts {dict(statuses)}, of which {fails} may fail"
    if last.status == "completed" and last.number <= fails:
        yield f"completed at attempt {last.number}, and {fails} were to fail"
    settled = [line for line in lines if (line.attempt, line.pid) == (last.number, last.pid) and _under(line, last)]
    if len(settled) != 1:
        yield f"the attempt that counts ran {len(settled)} times"
    doubled = {
        place: n for place, n in Counter((line.attempt, line.pid, line.fence) for line in lines).items() if n > 1
    }
    if doubled:
        yield f"ran more than once in one attempt under one fence {doubled}"
    if any(line.fence > last.fence for line in lines):
        yield "ran again after it was settled"


def _under(line: Line, attempt: Attempt) -> bool:
    return line.fence in {attempt.fence, UNKNOWN}


def _sent(expected: ExpectedRun, run: Run, findings: Findings) -> Iterator[str]:
    if run.parcels.keys() != expected.parcels.keys():
        yield f"sent {sorted(run.parcels)}, wanted {sorted(expected.parcels)}"
    for step, value in expected.parcels.items():
        events = run.parcels.get(step, [])
        if len(events) > 1:
            yield f"{step} sent {len(events)} events"
        for event in events:
            yield from _delivery(event, value, findings)


def _delivery(event: Event, value: int, findings: Findings) -> Iterator[str]:
    runs = [findings.runs[id_] for id_ in event.runs]
    if [(run.function, run.status, run.output) for run in runs] != [("torture-deliver", "completed", value)]:
        yield f"event {event.id} has the runs {[(run.id, run.function, run.status, run.output) for run in runs]}"


def _parcels(findings: Findings, done: Acknowledged) -> Iterator[str]:
    for own_id, event_id in done.parcels.items():
        event = findings.events.get(event_id)
        if event is None:
            yield f"event {own_id} {event_id}: acknowledged and not there"
            continue
        original = findings.events.get(event.duplicate_of or "", event)
        yield from (f"{own_id}: {text}" for text in _delivery(original, 1, findings))
        if original is not event and event.runs:
            yield f"event {own_id} {event_id} repeats {original.id} and has runs of its own {event.runs}"


def _doubled_events(findings: Findings) -> Iterator[str]:
    """However often an event was sent with its id, one of its rows has runs."""
    started = Counter(event.external_id for event in findings.events.values() if event.external_id and event.runs)
    yield from (f"event id {own_id!r} has started {n} times" for own_id, n in started.items() if n > 1)
