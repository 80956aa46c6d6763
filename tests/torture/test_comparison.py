"""The verifier sees what it is there to see."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from torture.comparison import differences
from torture.driver import Acknowledged
from torture.findings import Attempt, Event, Findings, Run
from torture.programs import Kind, Op, Program
from torture.witness import Line

OPS = (
    Op(Kind.CALL, "call", 1),
    Op(Kind.FAIL, "fail", 2, fails=1),
    Op(Kind.BOOK, "book", 4),
    Op(Kind.SEND, "send", 8),
    Op(Kind.MAP_CHILDREN, "each", values=(16,)),
)
PROGRAM = Program("p", OPS)
PID, OTHER = 7, 8
FENCE = 2


@pytest.fixture
def done() -> Acknowledged:
    return Acknowledged(runs={"p": "R"}, parcels={"parcel-1": "E2"})


@pytest.fixture
def findings() -> Findings:
    """What the program leaves when all goes well, but for a worker that died in the first body."""
    run = _run("R", "torture-program", 31)
    run.attempts = {
        "call": [
            Attempt("call", 1, "run", "lost", OTHER, FENCE - 1),
            Attempt("call", 2, "run", "completed", PID, FENCE),
        ],
        "fail": [Attempt("fail", 1, "run", "failed", PID, FENCE), Attempt("fail", 2, "run", "completed", PID, FENCE)],
        "book": [Attempt("book", 1, "transaction", "completed", PID, FENCE)],
    }
    run.lines = {"call": [Line("R", "call", 2, PID, FENCE)], "fail": [Line("R", "fail", n, PID, FENCE) for n in (1, 2)]}
    run.bookings = ["book"]
    child = _run("C", "torture-each", 16, parent="R", parent_key="each")
    child.attempts = {"each": [Attempt("each", 1, "run", "completed", PID, FENCE)]}
    child.lines = {"each": [Line("C", "each", 1, PID, FENCE)]}
    run.children = {"each": [child]}
    sent = Event("E1", None, "R", {"step": "send", "value": 8}, "torture/parcel", None, ["D1"])
    run.parcels = {"send": [sent]}
    parcel = Event("E2", "parcel-1", None, {"value": 1}, "torture/parcel", None, ["D2"])
    runs = [run, child, _run("D1", "torture-deliver", 8), _run("D2", "torture-deliver", 1)]
    return Findings({found.id: found for found in runs}, {"E1": sent, "E2": parcel})


def _run(id_: str, function: str, output: int, *, parent: str | None = None, parent_key: str | None = None) -> Run:
    return Run(id_, function, "completed", parent, parent_key, None, output, None)


def test_what_came_out_right_has_no_differences(findings: Findings, done: Acknowledged) -> None:
    assert differences(findings, [PROGRAM], done) == []


WRONG: dict[str, Callable[[Findings], object]] = {
    "a run is lost": lambda found: found.runs.pop("R"),
    "another output": lambda found: setattr(found.runs["R"], "output", 30),
    "not completed": lambda found: setattr(found.runs["R"], "status", "failed"),
    "a finished step ran again": lambda found: found.runs["R"].lines["call"].append(Line("R", "call", 2, PID, FENCE)),
    "a settled step ran under a new fence": lambda found: (
        found.runs["R"].lines["call"].append(Line("R", "call", 2, OTHER, FENCE + 1))
    ),
    "a body that was not asked for": lambda found: found.runs["R"].lines.update(x=[Line("R", "x", 1, PID, FENCE)]),
    "a result without a body": lambda found: found.runs["R"].lines.pop("call"),
    "a step is missing": lambda found: found.runs["R"].attempts.pop("fail"),
    "a failure too few": lambda found: (
        found.runs["R"]
        .attempts["fail"]
        .__setitem__(slice(None), [replace(found.runs["R"].attempts["fail"][1], number=1)])
    ),
    "a transaction twice": lambda found: found.runs["R"].bookings.append("book"),
    "a transaction never": lambda found: found.runs["R"].bookings.clear(),
    "no child": lambda found: found.runs["R"].children.clear(),
    "a child with another output": lambda found: setattr(found.runs["C"], "output", 15),
    "an event twice": lambda found: found.runs["R"].parcels["send"].append(found.events["E1"]),
    "an event never": lambda found: found.runs["R"].parcels.clear(),
    "an event without its run": lambda found: found.events["E2"].runs.clear(),
    "an event with two runs": lambda found: found.events["E1"].runs.append("D2"),
    "an acknowledged event is lost": lambda found: found.events.pop("E2"),
    "a replay nobody asked for": lambda found: setattr(found.runs["D1"], "replay_of", "R"),
}


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG.keys())
def test_a_difference_is_seen(spoil: Callable[[Findings], object], findings: Findings, done: Acknowledged) -> None:
    spoil(findings)
    assert differences(findings, [PROGRAM], done)
