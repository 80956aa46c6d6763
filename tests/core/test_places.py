"""Queues that share workers share their places."""

from orchestrator.core.places import Pool, Serving, pool_of, pools_of


def serving(*queues: str, places: int) -> Serving:
    return Serving(frozenset(queues), places)


WORKERS = (
    serving("default", "mail", places=500),
    serving("mail", "video", places=20),
    serving("slow", places=10),
    serving("slow", places=10),
)


def test_queues_share_places_through_the_workers_that_look_into_both() -> None:
    together = Pool(frozenset({"default", "mail", "video"}), (500, 20))
    assert pool_of(["default"], WORKERS) == together == pool_of(["video"], WORKERS)
    assert pool_of(["slow"], WORKERS) == Pool(frozenset({"slow"}), (10, 10))


def test_places_are_the_sum_of_what_each_worker_executes_at_once() -> None:
    assert pool_of(["video"], WORKERS).places == 520
    assert pool_of(["slow"], WORKERS).places == 20


def test_a_limit_over_two_queues_has_the_places_of_both() -> None:
    assert pool_of(["slow", "default"], WORKERS).places == 540


def test_a_queue_that_nobody_looks_into_has_no_place() -> None:
    assert pool_of(["forgotten"], WORKERS) == Pool(frozenset({"forgotten"}), ())


def test_every_queue_is_in_one_pool() -> None:
    found = pools_of(["forgotten", "mail"], WORKERS)
    assert [sorted(pool.queues) for pool in found] == [["default", "mail", "video"], ["forgotten"], ["slow"]]
