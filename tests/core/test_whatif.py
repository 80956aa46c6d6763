"""The what-if replay against queues whose behaviour is known in closed form."""

import math
import random
from itertools import pairwise

import pytest

from orchestrator.core.gcra import Rate
from orchestrator.core.whatif import SECOND, Job, Rules, predict


def poisson(rate: float, jobs: int, seed: int, duration: float, keys: tuple[str, ...] = ()) -> list[Job]:
    chance = random.Random(seed)
    at = 0.0
    made = []
    for _ in range(jobs):
        at += chance.expovariate(rate)
        made.append(Job(int(at * SECOND), int(duration * SECOND), keys))
    return made


def mean(waits: object) -> float:
    values = list(waits)  # type: ignore[call-overload]
    return sum(values) / len(values)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_server_with_even_work_waits_as_the_formula_says(load: float) -> None:
    """M/D/1: half of what random work would wait."""
    predicted = predict(poisson(load, 30_000, seed=7, duration=1.0), Rules(workers=1))
    expected = load / (2 * (1 - load))
    assert mean(predicted.waits) == pytest.approx(expected, rel=0.15)
    assert predicted.busy == pytest.approx(load, rel=0.05)


def erlang_c(servers: int, load: float) -> float:
    offered = servers * load
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) / (1 - load)
    return last / (sum(terms) + last)


@pytest.mark.parametrize("servers, load", [(2, 0.7), (5, 0.8)])
def test_several_servers_wait_about_half_of_what_random_work_would(servers: int, load: float) -> None:
    """M/D/c: within some per cent of half the wait of M/M/c."""
    predicted = predict(poisson(servers * load, 30_000, seed=11, duration=1.0), Rules(workers=servers))
    random_work = erlang_c(servers, load) / (servers * (1 - load))
    assert mean(predicted.waits) == pytest.approx(random_work / 2, rel=0.2)


def test_a_limit_by_key_makes_each_key_a_queue_of_its_own() -> None:
    jobs = [Job(0, SECOND, (f"tenant|{n % 2}",)) for n in range(6)]
    assert list(predict(jobs, Rules(sizes={"tenant": 1})).waits) == [0, 0, 1, 1, 2, 2]
    assert list(predict(jobs, Rules(sizes={"tenant": 3})).waits) == [0] * 6


def test_a_throttle_spaces_the_starts() -> None:
    jobs = [Job(0, 1, (), ("starts|null",)) for _ in range(5)]
    waits = predict(jobs, Rules(rates={"starts": Rate.of(2, 1.0, 1)})).waits
    assert [round(later - earlier, 6) for earlier, later in pairwise(waits)] == [0.5] * 4


def test_what_never_arrived_never_waited() -> None:
    assert predict([], Rules(workers=3)).percentile(0.95) == 0


def test_more_servers_wait_less_and_are_used_less() -> None:
    """Three and then six servers for the same work: 90 % and 45 % of them busy."""
    jobs = poisson(2.7, 30_000, seed=3, duration=1.0)
    three, six = predict(jobs, Rules(workers=3)), predict(jobs, Rules(workers=6))
    assert (three.busy, six.busy) == (pytest.approx(0.9, rel=0.03), pytest.approx(0.45, rel=0.03))
    assert mean(three.waits) == pytest.approx(erlang_c(3, 0.9) / (3 * 0.1) / 2, rel=0.2)
    assert six.percentile(0.5) == 0 < three.percentile(0.5)
    assert six.percentile(0.95) < three.percentile(0.95)


def test_work_that_comes_too_fast_waits_longer_and_longer_and_leaves_no_server_idle() -> None:
    """D/D/2: two a second arrive, one and a third leave; each pair waits half a second more than the one before."""
    jobs = [Job(n * SECOND // 2, round(1.5 * SECOND)) for n in range(40)]
    predicted = predict(jobs, Rules(workers=2))
    assert list(predicted.waits) == [n // 2 * 0.5 for n in range(40)]
    assert predicted.busy == pytest.approx(1, abs=0.02)
    assert predicted.per_hour == pytest.approx(2 / 1.5 * 3600, rel=0.02)


def test_a_limit_below_the_servers_leaves_them_idle() -> None:
    jobs = [Job(0, SECOND, ("tenant|null",)) for _ in range(10)]
    limited = predict(jobs, Rules(sizes={"tenant": 2}, workers=4))
    assert (limited.busy, limited.percentile(1.0)) == (0.5, 4)


def test_who_waited_at_a_limit_keeps_its_turn_at_the_servers() -> None:
    """The second has waited at its limit since before the third came, and goes first when both wait for a server."""
    jobs = [Job(0, 10, ("tenant|1",)), Job(1, 20, ("tenant|1",)), Job(2, 20), Job(3, 20)]
    predicted = predict(jobs, Rules(sizes={"tenant": 1}, workers=2))
    begun = [begin for begin, _ in predicted.executions]
    assert begun == [0, 10, 2, 22]


def test_runs_that_only_take_places_are_not_told() -> None:
    jobs = [Job(0, SECOND, counted=False), Job(0, SECOND)]
    predicted = predict(jobs, Rules(workers=1))
    assert (list(predicted.waits), predicted.busy, predicted.per_hour) == ([1], 1, 1800)


def test_what_executes_at_once_is_told_part_by_part() -> None:
    jobs = [Job(0, 4), Job(2, 4), Job(9, 3)]
    predicted = predict(jobs, Rules())
    assert predicted.at_once(4, 3) == [1.5, 0.5, 0.75]
    assert predicted.busy is None
