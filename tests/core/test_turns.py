"""Fairness: whose turn it is, on plain values."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.controls import Fairness, Priority
from orchestrator.core.errors import InvalidExpression, InvalidFunction
from orchestrator.core.flow import NO_FLOW, Flow
from orchestrator.core.turns import TURN, Share, in_turn, share_of, take_turns

BY_TENANT = Fairness("event.data.tenant", weight="event.data.weight")


def share(tenant: str, weight: float = 1, ahead: float = 0) -> Share:
    return Share(f"1:fairness:f|{tenant}", "clock", round(TURN / weight), round(ahead * TURN))


class Queue:
    """Runs that wait, and a clock that says how far their turns have come."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int, str]] = []  # turn, number, tenant
        self.clock = 0
        self._nexts: dict[str, int] = {}
        self._count = 0

    def add(self, tenant: str, shares: Sequence[Share]) -> None:
        for turn in take_turns(shares, {"clock": self.clock}, self._nexts):
            self._count += 1
            self.waiting.append((turn, self._count, tenant))

    def serve(self, count: int) -> list[str]:
        served = []
        for _ in range(count):
            turn, _, tenant = first = min(self.waiting)
            self.waiting.remove(first)
            self.clock = max(self.clock, turn)
            served.append(tenant)
        return served


def test_ten_runs_of_one_tenant_go_between_those_of_a_thousand_of_another() -> None:
    queue = Queue()
    queue.add("a", [share("a")] * 1000)
    assert queue.serve(50) == ["a"] * 50
    queue.add("b", [share("b")] * 10)
    served = queue.serve(40)
    assert served.count("b") == 10
    assert served[:21].count("b") >= 9


def test_a_tenant_that_has_rested_saves_no_turns_up() -> None:
    queue = Queue()
    queue.add("a", [share("a")] * 100)
    queue.serve(80)
    queue.add("b", [share("b")] * 100)
    assert 9 <= queue.serve(20).count("b") <= 11


def test_a_tenant_is_not_put_back_for_what_it_had_while_nobody_else_waited() -> None:
    queue = Queue()
    queue.add("a", [share("a")] * 100)
    queue.serve(100)
    queue.add("a", [share("a")] * 10)
    queue.add("b", [share("b")] * 10)
    assert 4 <= queue.serve(10).count("a") <= 6


def test_a_weight_of_three_has_three_turns_where_another_has_one() -> None:
    queue = Queue()
    queue.add("free", [share("free")] * 100)
    queue.add("paid", [share("paid", weight=3)] * 100)
    assert 29 <= queue.serve(40).count("paid") <= 31


def test_a_second_of_head_start_is_a_turn() -> None:
    queue = Queue()
    queue.add("a", [share("a")] * 10)
    queue.add("a", [share("a")])
    queue.add("urgent", [share("a", ahead=6.5)])
    assert queue.serve(12).index("urgent") == 5


@given(
    weights=st.lists(st.sampled_from([0.5, 1, 2, 5]), min_size=2, max_size=5),
    counts=st.lists(st.integers(40, 80), min_size=5, max_size=5),
)
def test_while_all_wait_each_is_served_by_its_weight(weights: list[float], counts: list[int]) -> None:
    queue = Queue()
    for n, weight in enumerate(weights):
        queue.add(str(n), [share(str(n), weight)] * counts[n])
    fewest = min(count / weight for count, weight in zip(counts, weights, strict=False))
    served = Counter(queue.serve(int(min(fewest, 8) * sum(weights))))
    for one in range(len(weights)):
        for other in range(len(weights)):
            apart = served[str(one)] / weights[one] - served[str(other)] / weights[other]
            assert abs(apart) <= 1 / weights[one] + 1 / weights[other]


def test_the_weight_is_what_the_expression_gives_for_the_event() -> None:
    flow = Flow.of([BY_TENANT])
    heavy = share_of(1, "f", flow, {"data": {"tenant": "a", "weight": 4}})
    odd = share_of(1, "f", flow, {"data": {"tenant": "a", "weight": "lots"}})
    assert heavy == Share('1:fairness:f|"a"', "1:turns:f|null", TURN // 4)
    assert odd is not None
    assert odd.stride == TURN


def test_a_priority_counts_as_turns_beside_a_fairness() -> None:
    flow = Flow.of([Fairness("event.data.tenant"), Priority(5)])
    found = share_of(1, "f", flow, {"data": {"tenant": "a"}})
    assert found is not None
    assert found.ahead == 5 * TURN


def test_a_function_without_fairness_has_no_turns() -> None:
    assert share_of(1, "f", NO_FLOW, {"data": {}}) is None


def test_a_key_that_cannot_be_evaluated_is_an_error() -> None:
    flow = Flow.of([Fairness("event.data.n / 0")])
    with pytest.raises(InvalidExpression):
        share_of(1, "f", flow, {"data": {"n": 1}})


@pytest.mark.parametrize("weight", [0, -1, 1e9, True])
def test_a_weight_out_of_range_is_refused_where_it_is_declared(weight: float) -> None:
    with pytest.raises(InvalidFunction, match="weight"):
        Fairness("event.data.tenant", weight=weight)


def test_the_places_of_other_functions_in_the_queue_stay_theirs() -> None:
    asked: list[tuple[object, int]] = []

    def place_of(run: str) -> tuple[int, str] | None:
        return (1, "fair") if run.startswith("fair") else None

    def first(place: tuple[int, str], count: int) -> list[str]:
        asked.append((place, count))
        return ["fair-first", "fair-late"]

    ordered = in_turn(["other-1", "fair-late", "other-2", "fair-first"], place_of, first)
    assert ordered == ["other-1", "fair-first", "other-2", "fair-late"]
    assert asked == [((1, "fair"), 2)]


def test_a_run_that_another_process_has_taken_leaves_its_place_empty() -> None:
    assert in_turn(["fair-1", "fair-2"], lambda run: (1, "fair"), lambda place, count: ["fair-2"]) == ["fair-2"]
