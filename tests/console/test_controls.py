"""A function's controls in words."""

from console.presenters.controls import controls
from orchestrator import (
    Batch,
    CancelOn,
    Concurrency,
    Debounce,
    Idempotency,
    Priority,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
)
from orchestrator.core.flow import Flow
from orchestrator.core.machines import Machine


def test_each_control_has_a_sentence() -> None:
    flow = Flow.of(
        [
            Concurrency(2, key="event.data.tenant"),
            Concurrency(5, name="gpu"),
            Throttle(60, "1m", burst=5),
            Priority("event.data.ahead"),
            RateLimit(10, "1h"),
            Idempotency("event.data.id"),
            Debounce("5s", max_wait="1m"),
            Singleton("cancel"),
            CancelOn("order/cancelled", match="data.id"),
            Timeouts(start="1h", finish="2h"),
        ]
    )
    told = controls({"flow": flow.to_json(), "machine": Machine(cpu=1, memory="2 GB").to_json(), "pinned": True})
    assert ("Concurrency", "2 at once for each event.data.tenant") in told
    assert ("Concurrency", "5 at once, shared as gpu") in told
    assert [label for label, _ in told] == [
        "Concurrency",
        "Concurrency",
        "Throttle",
        "Priority",
        "Rate limit",
        "Idempotency",
        "Debounce",
        "Singleton",
        "Cancelled by",
        "Starts within",
        "Ends within",
        "Machine",
        "Pinned",
    ]
    [batch] = controls({"flow": Flow.of([Batch(100, "30s")]).to_json()})
    assert batch[0] == "Batch"
    assert "100 events" in batch[1]
    assert controls({}) == []
