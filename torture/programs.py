"""Random programs: what each consists of, made from a seed. Pure; they travel to the functions as JSON."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

MAX_VALUE = 1000
MAX_DEPTH = 2  # of children in children
# What the programs and who drives them call things.
GO, NEVER, ORDER, PARCEL, TICK = "go", "never", "order", "torture/parcel", "torture-tick"


class Kind(StrEnum):
    """What one operation of a program does."""

    CALL = "call"  # a body
    CALL_LATER = "call_later"  # an async body, where the program is async
    FAIL = "fail"  # a body that fails ``fails`` times first
    GIVE_UP = "give_up"  # a body that fails for good; the program goes on
    BOOK = "book"  # a body whose row is committed with its result
    SLEEP = "sleep"
    SIGNAL = "signal"
    ORDER = "order"  # three signals of one name, which have to come in the order in which they were sent
    EVENT = "event"
    CHILD = "child"
    MAP = "map"  # a body for each value
    MAP_CHILDREN = "map_children"  # a child for each value
    SEND = "send"  # an event, which starts a function of its own
    BOTH = "both"  # its ``ops`` side by side
    NEVER = "never"  # a signal that is never sent: who waits for it is cancelled
    EXIT = "exit"  # a body that ends its process


class End(StrEnum):
    """How a program ends."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    KILLER = "killer"  # its last step ends whatever process executes it


@dataclass(frozen=True, slots=True)
class Op:
    """One operation. ``id`` is its step's, unlike any other's of its program."""

    kind: Kind
    id: str
    value: int = 0
    ms: int = 0
    fails: int = 0
    values: tuple[int, ...] = ()
    ops: "tuple[Op, ...]" = ()
    child: "Program | None" = None

    @property
    def steps(self) -> tuple[str, ...]:
        """Ids of the steps it makes, where there are several."""
        return tuple(self.id if n == 0 else f"{self.id}:{n}" for n in range(len(self.values)))


@dataclass(frozen=True, slots=True)
class Program:
    """``label`` is unlike any other's; children have their parent's and the id of the step."""

    label: str
    ops: tuple[Op, ...]
    end: End = End.COMPLETED
    threads: bool = False
    by_event: bool = False
    fork_from: str = ""  # when it has completed, it is replayed from this step
    signals_early: bool = False


def program_from(data: Mapping[str, Any]) -> Program:
    """The program that ``dataclasses.asdict`` and JSON have carried here."""
    fields = dict(data)
    return Program(**fields | {"ops": tuple(map(_op_from, fields["ops"])), "end": End(fields["end"])})


def _op_from(data: Mapping[str, Any]) -> Op:
    child = program_from(data["child"]) if data["child"] else None
    parsed = {"kind": Kind(data["kind"]), "values": tuple(data["values"]), "child": child}
    return Op(**{**data, **parsed, "ops": tuple(map(_op_from, data["ops"]))})


def all_ops(program: Program) -> Iterator[Op]:
    """The operations of the program itself, those side by side included; not of its children."""
    for op in program.ops:
        yield from op.ops if op.kind is Kind.BOTH else (op,)


def order_name(op: Op) -> str:
    """The name of the signals that have to come in order."""
    return "/".join([ORDER, op.id, *map(str, op.values)])


def random_programs(seed: int, count: int, *, killers: int, signals: int = 0) -> list[Program]:
    """The same ones for the same seed. The last ``killers`` of them end their processes.

    ``signals``: the others wait for so many together, or more.
    """
    dice = random.Random(f"programs {seed}")
    made = [_Maker(dice, f"p{n}").root() for n in range(count - killers)]
    missing = signals - sum(_signals(op) for program in made for op in all_ops(program))
    for n in range(missing if made else 0):
        program = made[n % len(made)]
        signal = Op(Kind.SIGNAL, f"more-{n}", value=dice.randint(1, MAX_VALUE))
        made[n % len(made)] = replace(program, ops=(signal, *program.ops))
    return [*made, *(_killer(f"k{n}") for n in range(killers))]


def _signals(op: Op) -> int:
    return {Kind.SIGNAL: 1, Kind.ORDER: len(op.values)}.get(op.kind, 0)


def _killer(label: str) -> Program:
    return Program(label, (Op(Kind.SLEEP, "aim", ms=300), Op(Kind.EXIT, "exit")), End.KILLER)


class _Maker:
    def __init__(self, dice: random.Random, label: str, depth: int = 0) -> None:
        self._dice = dice
        self._label = label
        self._depth = depth
        self._made = 0

    def root(self) -> Program:
        dice = self._dice
        end = dice.choices([End.COMPLETED, End.FAILED, End.CANCELLED], [8, 1, 1])[0]
        program = self.program(end)
        calls = [op.id for op in program.ops if op.kind is Kind.CALL]
        fork = dice.choice(calls) if calls and end is End.COMPLETED and dice.random() < 0.25 else ""
        return Program(
            program.label,
            program.ops,
            end,
            threads=program.threads,
            by_event=dice.random() < 0.5,
            fork_from=fork,
            signals_early=dice.random() < 0.5,
        )

    def program(self, end: End) -> Program:
        ops = [self._op() for _ in range(self._dice.randint(2, 7 - 2 * self._depth))]
        if end is End.CANCELLED:
            ops.append(self._last_of_cancelled())
        return Program(self._label, tuple(ops), end, threads=self._dice.random() < 0.4)

    def _last_of_cancelled(self) -> Op:
        if self._depth < MAX_DEPTH and self._dice.random() < 0.4:
            return self._child(End.CANCELLED)
        return Op(Kind.NEVER, self._id(Kind.NEVER))

    def _id(self, kind: Kind) -> str:
        self._made += 1
        return f"{kind}-{self._made}".replace("_", "-")

    def _op(self, *, side_by_side: bool = False) -> Op:
        choices = SIMPLE | ({} if side_by_side else COMPOSED) | ({} if self._depth else ROOT_ONLY)
        if self._depth >= MAX_DEPTH:
            choices = {kind: weight for kind, weight in choices.items() if kind not in WITH_CHILDREN}
        kind = self._dice.choices(list(choices), list(choices.values()))[0]
        return self._composed(kind) or self._simple(kind)

    def _composed(self, kind: Kind) -> Op | None:
        makers: dict[Kind, Callable[[], Op]] = {
            Kind.CHILD: lambda: self._child(self._dice.choices([End.COMPLETED, End.FAILED], [4, 1])[0]),
            Kind.BOTH: lambda: Op(
                kind, self._id(kind), ops=tuple(self._op(side_by_side=True) for _ in range(self._dice.randint(2, 4)))
            ),
        }
        return makers[kind]() if kind in makers else None

    def _child(self, end: End) -> Op:
        id_ = self._id(Kind.CHILD)
        return Op(Kind.CHILD, id_, child=_Maker(self._dice, f"{self._label}.{id_}", self._depth + 1).program(end))

    def _simple(self, kind: Kind) -> Op:
        dice = self._dice
        several = {Kind.ORDER: 3, Kind.MAP: dice.randint(1, 6), Kind.MAP_CHILDREN: dice.randint(1, 4)}.get(kind, 0)
        return Op(
            kind,
            self._id(kind),
            value=dice.randint(1, MAX_VALUE),
            ms=dice.choice([0, 0, 5, 30, 200]) if kind is not Kind.SLEEP else dice.choice([1, 50, 300, 2500]),
            fails=dice.randint(1, 3) if kind is Kind.FAIL else 0,
            values=tuple(dice.randint(1, MAX_VALUE) for _ in range(several)),
        )


SIMPLE = {
    Kind.CALL: 6,
    Kind.CALL_LATER: 4,
    Kind.FAIL: 2,
    Kind.GIVE_UP: 1,
    Kind.BOOK: 3,
    Kind.SLEEP: 3,
    Kind.SIGNAL: 2,
    Kind.SEND: 2,
    Kind.CHILD: 2,
}
COMPOSED = {Kind.BOTH: 2, Kind.MAP: 1, Kind.MAP_CHILDREN: 1}
ROOT_ONLY = {Kind.EVENT: 2, Kind.ORDER: 1}
WITH_CHILDREN = {Kind.CHILD, Kind.MAP_CHILDREN}
