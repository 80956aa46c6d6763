"""Programs from a seed, and what they must come to."""

import json
from collections import Counter
from dataclasses import asdict

import pytest

from torture.expectations import expected_fork, expected_run, ordered
from torture.programs import End, Kind, Op, Program, all_ops, program_from, random_programs

CHILD = Program("p.child-2", (Op(Kind.CALL, "call-1", 5), Op(Kind.SEND, "send-2", 6)), End.FAILED)
OPS = (
    Op(Kind.CALL, "call-1", 10),
    Op(Kind.CHILD, "child-2", child=CHILD),
    Op(Kind.BOTH, "both-3", ops=(Op(Kind.BOOK, "book-4", 100), Op(Kind.FAIL, "fail-5", 1000, fails=2))),
    Op(Kind.MAP, "map-6", values=(1, 2)),
    Op(Kind.GIVE_UP, "give-up-7", 10_000),
)
PROGRAM = Program("p", OPS, fork_from="both-3")


def test_a_seed_makes_the_same_programs_again_and_another_one_others() -> None:
    assert random_programs(1, 50, killers=2) == random_programs(1, 50, killers=2)
    assert random_programs(1, 50, killers=2) != random_programs(2, 50, killers=2)


def test_a_program_outlives_its_journey_as_json() -> None:
    for program in random_programs(3, 60, killers=1):
        assert program_from(json.loads(json.dumps(asdict(program)))) == program


def test_all_kinds_of_operations_and_ends_come_up() -> None:
    programs = random_programs(5, 300, killers=1)
    kinds = {op.kind for program in programs for op in (*program.ops, *all_ops(program))}
    assert kinds == set(Kind)
    assert {program.end for program in programs} == set(End)
    assert any(program.fork_from for program in programs)


def test_as_many_signals_are_waited_for_as_asked() -> None:
    programs = random_programs(5, 40, killers=1, signals=200)
    waits = Counter(op.kind for program in programs for op in all_ops(program))
    assert waits[Kind.SIGNAL] + 3 * waits[Kind.ORDER] == 200
    assert len(programs) == 40
    assert expected_run(programs[0]).status == expected_run(random_programs(5, 40, killers=1)[0]).status


def test_steps_of_a_program_have_ids_of_their_own() -> None:
    for program in random_programs(7, 100, killers=0):
        ids = [op.id for op in all_ops(program)]
        assert len(ids) == len(set(ids))


def test_what_a_program_comes_to_is_computed_beforehand() -> None:
    run = expected_run(PROGRAM)
    assert (run.status, run.output) == ("completed", 10 + 1 + 100 + 1000 + 3 + 10_000)
    assert run.bodies == {"call-1": 0, "fail-5": 2, "map-6": 0, "map-6:1": 0, "give-up-7": 1}
    assert (run.bookings, run.given_up) == ({"book-4"}, {"give-up-7"})
    child = run.children["child-2"]
    assert (child.status, child.output, child.bodies, child.parcels) == ("failed", None, {"call-1": 0}, {"send-2": 6})


def test_a_fork_does_only_what_stands_behind_its_beginning() -> None:
    fork = expected_fork(PROGRAM)
    assert fork.output == expected_run(PROGRAM).output
    assert (set(fork.bodies), fork.children) == ({"fail-5", "map-6", "map-6:1", "give-up-7"}, {})


@pytest.mark.parametrize("other", [(2, 1, 3), (1, 3, 2), (1, 2)])
def test_the_order_of_signals_shows_in_the_sum(other: tuple[int, ...]) -> None:
    assert ordered((1, 2, 3)) != ordered(other)
