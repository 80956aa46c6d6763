"""step.map with a key: steps and children are named by their items, whatever order these come in."""

from typing import Any

import pytest

from orchestrator import StepError, SyncTaskContext, TaskContext, task
from orchestrator.engine.signals import send_signal
from orchestrator.testing import Harness
from tests.engine.conftest import StartEngine
from tests.engine.reading import children, completed, ended, error, memo, steps, until, warnings

pytestmark = pytest.mark.django_db(transaction=True)
BOTH = pytest.mark.parametrize("is_async", [True, False])


def declare(is_async: bool, id: str, items: Any, body: Any, **options: Any) -> Any:
    """A task that maps twice the items of the moment, with a wait between."""

    @task(id=id if is_async else f"{id}-other", retries=0)
    async def mapping(ctx: TaskContext) -> Any:
        first = await ctx.step.map("audit", body, items(), **options)
        await ctx.step.wait_for_signal("go")
        return [first, await ctx.step.map("audit", body, items(), **options)]

    @task(id=f"{id}-other" if is_async else id, retries=0)
    def sync_mapping(ctx: SyncTaskContext) -> Any:
        first = ctx.step.map("audit", body, items(), **options)
        ctx.step.wait_for_signal("go")
        return [first, ctx.step.map("audit", body, items(), **options)]

    return mapping if is_async else sync_mapping


@BOTH
@pytest.mark.parametrize("concurrency", [None, 1])
def test_each_item_keeps_its_result_when_items_come_in_another_order(
    start: StartEngine, is_async: bool, concurrency: int | None
) -> None:
    names = ["requests", "urllib3"]
    mapping = declare(is_async, "audits", lambda: names, str.upper, key=str, concurrency=concurrency)
    start()
    run = mapping.trigger()
    until(run, "waiting")
    start.drain()
    names.reverse()
    start()
    send_signal(run, "go")

    assert completed(run) == [["URLLIB3", "REQUESTS"], ["URLLIB3", "REQUESTS"]]
    keys = {"audit:requests", "audit:urllib3", "audit:requests:1", "audit:urllib3:1"}
    assert set(steps(run)) == {"", "go", *keys}
    assert memo(run, "audit:requests") == "REQUESTS"
    assert warnings(run) == []


@BOTH
def test_children_are_named_by_their_items(start: StartEngine, is_async: bool) -> None:
    @task(id="audit-one")
    async def audit(ctx: TaskContext, name: str) -> str:
        return name.upper()

    @task(id="all" if is_async else "other")
    async def every(ctx: TaskContext) -> list[str]:
        return await ctx.step.map("audit", audit, ["a", "b"], key=lambda name: f"<{name}>")

    @task(id="other" if is_async else "all")
    def sync_every(ctx: SyncTaskContext) -> list[str]:
        return ctx.step.map("audit", audit, ["a", "b"], key=lambda name: f"<{name}>", concurrency=1)

    start()
    run = (every if is_async else sync_every).trigger()
    assert completed(run) == ["A", "B"]
    assert [child.parent_key for child in children(run)] == ["audit:<a>", "audit:<b>"]


@BOTH
@pytest.mark.parametrize(
    "items, key, told",
    [
        (["a", "b", "a"], str, "step 'audit': two items have the key 'a'; a key names one item's step"),
        (["a"], len, "step 'audit': the key of an item is a text, not 1"),
        ([""], str, "step 'audit': the key of an item is a text, not ''"),
    ],
)
def test_keys_are_unique_texts(start: StartEngine, is_async: bool, items: list[str], key: Any, told: str) -> None:
    mapping = declare(is_async, "audits", lambda: items, str.upper, key=key)
    start()
    run = mapping.trigger()
    assert ended(run).status == "failed"
    assert (error(run) or {})["message"] == told
    assert set(steps(run)) == {""}


@BOTH
@pytest.mark.parametrize("key, keys", [(str, ["audit:a", "audit:b"]), (None, ["audit", "audit:1"])])
def test_a_stub_of_the_harness_replaces_every_item_of_a_map(
    functions: None, is_async: bool, key: Any, keys: Any
) -> None:
    def unreachable(name: str) -> str:
        raise StepError("no", step="", name="")

    mapping = declare(is_async, "audits", lambda: ["a", "b"], unreachable, key=key)
    with Harness(stubs={"audit": lambda name: f"stub of {name}"}) as harness:
        run = harness.trigger(mapping)
        assert [step for step in run.steps if step.startswith("audit")] == keys
        assert [run.steps[step].output for step in keys] == ["stub of a", "stub of b"]
    with Harness(stubs={"audit": "any", keys[1]: "its own"}) as harness:
        run = harness.trigger(mapping)
        assert [run.steps[step].output for step in keys] == ["any", "its own"]
