"""What a program must come to, whatever happens to the processes that execute it. Pure."""

from dataclasses import dataclass, field

from torture.programs import End, Kind, Op, Program, all_ops

ORDER_WEIGHT = 7  # makes the sum tell in which order signals were taken
LOST_CHILD = 1  # what a child that has failed adds
PARTS = "torture-part"
EACH = "torture-each"


@dataclass(slots=True)
class ExpectedRun:
    """``output`` None: it does not complete. ``bodies``: steps with a body, and how many attempts may fail."""

    label: str
    status: str
    output: int | None
    bodies: dict[str, int] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    bookings: set[str] = field(default_factory=set)
    children: "dict[str, ExpectedRun]" = field(default_factory=dict)
    parcels: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


def expected_run(program: Program) -> ExpectedRun:
    """The run of the program itself."""
    if program.end is End.KILLER:
        return ExpectedRun(program.label, "failed", None)
    run = ExpectedRun(program.label, program.end.value, None, order=[op.id for op in program.ops])
    for op in all_ops(program):
        _add(run, op)
    if program.end is End.COMPLETED:
        run.output = sum(value_of(op) for op in all_ops(program))
    return run


def expected_fork(program: Program) -> ExpectedRun:
    """The replay from ``fork_from``: what stands before it is not done again."""
    run = expected_run(program)
    at = [op.id for op in program.ops].index(program.fork_from)
    kept = ExpectedRun(run.label, run.status, run.output)
    for op in all_ops(Program(program.label, program.ops[at:])):
        _add(kept, op)
    return kept


def value_of(op: Op) -> int:
    """What an operation adds to the sum of its program."""
    match op.kind:
        case Kind.SLEEP | Kind.NEVER | Kind.EXIT:
            return 0
        case Kind.ORDER:
            return ordered(op.values)
        case Kind.MAP | Kind.MAP_CHILDREN:
            return sum(op.values)
        case Kind.CHILD:
            assert op.child
            output = expected_run(op.child).output
            return LOST_CHILD if output is None else output
        case _:
            return op.value


def ordered(values: tuple[int, ...]) -> int:
    """Differs with the order of the values."""
    return sum(value * ORDER_WEIGHT**n for n, value in enumerate(values))


def _add(run: ExpectedRun, op: Op) -> None:
    match op.kind:
        case Kind.CALL | Kind.CALL_LATER | Kind.FAIL:
            run.bodies[op.id] = op.fails
        case Kind.GIVE_UP:
            run.bodies[op.id] = 1
            run.given_up.add(op.id)
        case Kind.BOOK:
            run.bookings.add(op.id)
        case Kind.MAP:
            run.bodies |= dict.fromkeys(op.steps, 0)
        case Kind.MAP_CHILDREN:
            for step, value in zip(op.steps, op.values, strict=True):
                run.children[step] = ExpectedRun(f"{run.label}.{step}", "completed", value, {"each": 0})
        case Kind.CHILD:
            assert op.child
            run.children[op.id] = expected_run(op.child)
        case Kind.SEND:
            run.parcels[op.id] = op.value
