"""Every Python block of docs/authoring.md is executed: declarations as a module, the others as bodies of functions."""

import random
import re
import secrets
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User

from orchestrator import Context, SyncContext, function, task
from orchestrator.sdk.registry import registry
from orchestrator.testing import Harness
from tests.docs.page import Block, blocks

BLOCKS = [block for block in blocks("docs/authoring.md") if block.mark not in {"wrong", "before"}]
BODIES = [block for block in BLOCKS if block.is_body]
TESTS = [name for block in BLOCKS for name in re.findall(r"^def (test_\w+)", block.source, re.MULTILINE)]
KNOWN = {
    "Decimal": Decimal,
    "User": User,
    "random": random,
    "secrets": secrets,
    "timedelta": timedelta,
}  # what a reader imports without being told


@pytest.fixture(scope="module")
def bookshop() -> Iterator[Any]:
    """The page as a module."""
    module = ModuleType("authoring_page")
    sys.modules[module.__name__] = module
    vars(module).update(KNOWN)
    before = {definition.id for definition in registry}
    for block in BLOCKS:
        if not block.is_body:
            block.run_in(module)
    yield module
    for definition in registry:
        if definition.id not in before:
            registry.remove(definition.id)
    del sys.modules[module.__name__]


@pytest.fixture
def harness(bookshop: Any) -> Iterator[Harness]:
    with Harness() as harness:
        yield harness


@pytest.mark.django_db
@pytest.mark.parametrize("block", BODIES, ids=[f"line {block.line}" for block in BODIES])
def test_each_line_of_a_body_works_in_a_run(block: Block, bookshop: Any) -> None:
    declared = function(on=bookshop.OrderPlaced, id=f"body-{block.line}")(block.as_function(bookshop))
    with Harness() as harness:
        run = harness.trigger(declared, bookshop.OrderPlaced(1, "ada@example.com", 9.5))
        harness.advance("30 days")
        assert run.status == "completed", run.error
        assert run.steps
    registry.remove(declared.id)


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_of_the_page_pass(name: str, bookshop: Any) -> None:
    getattr(bookshop, name)()


def test_an_event_starts_all_functions_that_listen(bookshop: Any, harness: Harness) -> None:
    runs = harness.send(bookshop.OrderPlaced(1, "ada@example.org", 2000.0))
    outputs = {run.function: run.output for run in runs}
    assert outputs == {
        "confirm-order": "Invoice 1: 2000.00",
        "count-once": None,
        "remind": None,
        "count-events": "order/placed",
        "call-large-customer": 1,
        "take-payment": "charged 2000.00 for charge",
    }


def test_a_condition_keeps_a_function_from_starting(bookshop: Any, harness: Harness) -> None:
    started = {run.function for run in harness.send(bookshop.OrderPlaced(3, "ada@example.com", 0.0))}
    assert "call-large-customer" not in started
    assert "ship" in started


def test_data_of_an_event_by_name_are_a_dict(harness: Harness) -> None:
    outputs = {run.function: run.output for run in harness.send("order/cancelled", {"order": 5})}
    assert outputs == {"refund": 5, "count-events": "order/cancelled"}


def test_a_schedule_starts_a_run_a_tick(harness: Harness) -> None:
    harness.advance("7 days")
    reports = [run for run in harness.runs if run.function == "weekly-report"]
    assert len(reports) == 1
    assert reports[0].output[11:16] in {"07:00", "08:00"}  # 9 o'clock in Zurich


@pytest.mark.parametrize("name", ["prepare", "prepare_in_threads"])
def test_branches_are_joined(bookshop: Any, harness: Harness, name: str) -> None:
    run = harness.trigger(getattr(bookshop, name), bookshop.OrderPaid(4))
    harness.advance("1 day")
    assert run.status == "completed", run.error
    assert run.output in ("Invoice 4: 9.50, #4", ["Invoice 4: 9.50", "#4"])


def test_a_failure_that_is_final_is_told_to_support(bookshop: Any, harness: Harness) -> None:
    run = harness.trigger(bookshop.take_payment, bookshop.OrderPlaced(2, "ada@example.com", 9.5))
    assert (run.status, run.steps["charge"].attempts) == ("failed", 1)
    assert run.steps["ask-for-another-card"].status == "completed"
    [told] = [other for other in harness.runs if other.function == "take-payment/on-failure"]
    [line] = told.logs
    assert line.startswith(f"to support@example.com: {run.id}: ")
    assert line.endswith("the card was stolen")


def test_values_keep_their_type_over_a_wait(bookshop: Any, harness: Harness) -> None:
    run = harness.trigger(bookshop.choose_carrier, 1)
    harness.advance("1 day")
    assert run.output == "Post in 2 days"


async def sleep_naively(ctx: Context[Any]) -> None:
    await ctx.step.sleep_until("rest", datetime(2030, 1, 1))


async def return_a_decimal(ctx: Context[Any]) -> None:
    await ctx.step.run("sum", lambda: {"items": [{"total": Decimal("9.50")}]})


async def step_in_a_step(ctx: Context[Any]) -> None:
    async def outer() -> None:
        await ctx.step.run("inner", secrets.token_hex)

    await ctx.step.run("outer", outer)


async def call_options_in_a_run(ctx: Context[Any]) -> None:
    await task()(step_in_a_step).options(delay="1h").atrigger()


def wait_in_a_sync_function(ctx: SyncContext[Any]) -> None:
    task()(step_in_a_step).trigger_and_wait()


@pytest.mark.parametrize(
    "body, told",
    [
        (sleep_naively, "has no time zone; give an aware datetime"),
        (
            return_a_decimal,
            "$.items[0].total is a decimal.Decimal: return str(value) to keep it exact, or float(value)",
        ),
        (step_in_a_step, "step 'inner' was called inside step 'outer': call steps from the function"),
        (call_options_in_a_run, "options(…) has no effect in a run"),
        (wait_in_a_sync_function, "in a sync function: ctx.step.invoke('step-in-a-step'"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(body: Any, told: str) -> None:
    declared = function(on="mistake/made", retries=5)(body)
    with Harness() as harness:
        [run] = harness.send("mistake/made")
        assert run.status == "failed"
        assert told in (run.error or "")
    registry.remove(declared.id)
    registry.remove("step-in-a-step")


@pytest.mark.django_db
def test_an_order_is_placed_once(bookshop: Any) -> None:
    with Harness(database="default") as harness:
        first, second = (bookshop.place_order(8, "ada@example.com", 1.0) for _ in range(2))
        assert first == second
        harness.run_until_idle()
        assert [run.output for run in harness.runs if run.function == "confirm-order"] == ["Invoice 8: 1.00"]
