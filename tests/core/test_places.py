"""Queues that share workers share their places."""

from orchestrator.core.places import Pool, pool_of, pools_of

WORKERS = (("default", "mail"), ("mail", "video"), ("slow",), ("slow",))


def test_queues_share_places_through_the_workers_that_look_into_both() -> None:
    together = Pool(frozenset({"default", "mail", "video"}), 2)
    assert pool_of(["default"], WORKERS) == together == pool_of(["video"], WORKERS)
    assert pool_of(["slow"], WORKERS) == Pool(frozenset({"slow"}), 2)


def test_a_limit_over_two_queues_has_the_places_of_both() -> None:
    assert pool_of(["slow", "default"], WORKERS).workers == 4


def test_a_queue_that_nobody_looks_into_has_no_place() -> None:
    assert pool_of(["forgotten"], WORKERS) == Pool(frozenset({"forgotten"}), 0)


def test_every_queue_is_in_one_pool() -> None:
    found = pools_of(["forgotten", "mail"], WORKERS)
    assert [sorted(pool.queues) for pool in found] == [["default", "mail", "video"], ["forgotten"], ["slow"]]
