"""The mistakes that docs/authoring.md shows: what is wrong with the wrong code, and what Signalbox says to it."""

import asyncio
import gc
import random
import re
import secrets
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from orchestrator import function
from orchestrator.sdk.registry import registry
from orchestrator.testing import Harness, HarnessRun
from tests.docs.page import ROOT, Block, blocks

PAGE = "docs/authoring.md"
BLOCKS = blocks(PAGE)
LIBRARIES = {"Decimal": Decimal, "User": User, "asyncio": asyncio, "random": random, "secrets": secrets}


class Mails(list[tuple[str, str]]):
    """Stands for the page's send_mail, and remembers what was sent."""

    def __call__(self, to: str, text: str) -> None:
        self.append((to, text))


@pytest.fixture
def shop(settings: Any) -> Iterator[Any]:
    """The page's declarations, in a process that puts waiting runs away at once when another one waits."""
    settings.ORCHESTRATOR = settings.ORCHESTRATOR | {"PARKED_RUNS": 1}
    module: Any = ModuleType("bookshop_of_mistakes")
    sys.modules[module.__name__] = module
    vars(module).update(LIBRARIES, timedelta=timedelta, threading=threading, INVOICES={})
    before = {definition.id for definition in registry}
    for block in BLOCKS:
        if not block.mark and not block.is_body:
            block.run_in(module)
    module.send_mail = Mails()
    yield module
    for definition in list(registry):
        if definition.id not in before:
            registry.remove(definition.id)
    del sys.modules[module.__name__]


def marked(section: str, mark: str) -> Block:
    """The block with that mark under the heading that begins so."""
    text = (ROOT / PAGE).read_text()
    begin = text.count("\n", 0, text.index(f"### {section}")) + 1
    return next(block for block in BLOCKS if block.line > begin and block.mark == mark)


def declare(shop: Any, section: str, mark: str) -> Any:
    """The block as a function of the shop's event."""
    block = marked(section, mark)
    if "@function" in block.source:
        block.run_in(shop)
        return getattr(shop, re.findall(r"def (\w+)", block.source)[-1])
    return function(on=shop.OrderPlaced, id="mistake", retries=0)(block.as_function(shop))


def executed_again(harness: Harness, shop: Any, target: Any, *, days: int = 30) -> HarnessRun:
    """A run of ``target`` that was put away at its first wait, since other runs came to wait after it."""
    run = harness.trigger(target, shop.OrderPlaced(1, "ada@example.com", 9.5))
    for _ in range(3):
        harness.trigger(shop.choose_carrier, 1)
    harness.advance(timedelta(days=days))
    return run


ONCE = [("ada@example.com", "Your order is here.")]
COUNTED = ("shop@example.com", "one more order")
RELEASED = ("stock@example.com", "release 1")


@pytest.mark.parametrize(
    "section, wrong, right",
    [
        ("Effects outside steps", [*ONCE, *ONCE], ONCE),  # mailed again
        ("Sync functions", [COUNTED, COUNTED], [COUNTED]),  # counted again
        ("Cleaning up", [RELEASED, RELEASED], [RELEASED]),  # released at once, before anybody could approve
        ("A step without", [], ONCE),  # not mailed at all
    ],
)
def test_effects_happen_as_often_as_the_page_says(section: str, wrong: Any, right: Any, shop: Any) -> None:
    for mark, expected in (("wrong", wrong), ("right", right)):
        target = declare(shop, section, mark)
        with ignored_coroutines(), Harness() as harness:
            assert executed_again(harness, shop, target).status == "completed"
        assert shop.send_mail == expected
        shop.send_mail.clear()
        registry.remove(target.id)


@contextmanager
def ignored_coroutines() -> Iterator[None]:
    """Python warns of what was never awaited, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
        gc.collect()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "section, status, told",
    [
        ("A bare `except`", "completed", "the function swallowed its suspension"),
        ("Clocks", "completed", "step 'coupon' is recorded and was not asked for"),
        ("Steps in steps", "failed", "step 'print-label' was called inside step 'pack': call steps from the function"),
        ("A step without", "completed", "step 'tell' was never awaited, so it did not run"),
        ("Huge values", "failed", "the value is 5,000,002 bytes of JSON, the limit is 4,194,304"),
        ("Values JSON", "failed", "$.items[0].total is a decimal.Decimal: return str(value) to keep it exact"),
    ],
)
def test_what_signalbox_sees_it_says(section: str, status: str, told: str, shop: Any) -> None:
    answers = iter([0.4, 0.9])
    shop.random = SimpleNamespace(random=lambda: next(answers, 0.9))
    target = declare(shop, section, "wrong")
    with ignored_coroutines(), Harness() as harness:
        run = executed_again(harness, shop, target)
        assert run.status == status
        assert told in f"{run.error} {run.logs}"


@pytest.mark.django_db
def test_a_slow_transaction_is_told(shop: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite has one writer")
    target = declare(shop, "Long `step.transaction`", "wrong")
    with Harness(database="default") as harness:
        run = harness.trigger(target, shop.OrderPlaced(1, "ada@example.com"))
        assert "held SQLite's only write lock for 2" in str(run.logs)


def test_what_a_body_changes_is_gone_when_its_result_is_recalled(shop: Any) -> None:
    block = marked("State that a step", "wrong")
    counting = function(on=shop.OrderPlaced, id="mistake")(
        Block(block.page, block.line, f"{block.source}return count\n").as_function(shop)
    )
    with Harness() as harness:
        assert executed_again(harness, shop, counting).output == 0


def test_a_set_of_texts_has_another_order_in_another_process() -> None:
    program = "print(list({'Bern', 'Basel', 'Chur'}))"
    orders = {
        subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True).stdout
        for seed in "123456"
    }
    assert len(orders) > 1


@pytest.mark.parametrize("mark, where", [("wrong", "events"), ("right", None)])
def test_payloads_are_stored_and_arguments_are_not(mark: str, where: str | None, shop: Any) -> None:
    shop.CARDS[1] = "4111 1111"
    shop.charge = lambda order, total, key: "charged"
    target = declare(shop, "Secrets", mark)
    with Harness() as harness:
        executed_again(harness, shop, target)
        stored = {
            "events": harness._db.query("SELECT data FROM signalbox_event"),
            "attempts": harness._db.query("SELECT output, detail FROM signalbox_attempt"),
            "logs": harness._db.query("SELECT message FROM signalbox_log"),
        }
    assert [place for place, rows in stored.items() if "4111 1111" in str(rows)] == ([where] if where else [])


@pytest.mark.parametrize(
    "mark, status, charged",
    [
        ("wrong", "blocked", 2),  # under its new id it is a new step; then rest is another kind of step
        ("right", "completed", 1),
    ],
)
def test_code_that_changes_under_a_run(mark: str, status: str, charged: int, shop: Any) -> None:
    charges = []
    shop.charge = lambda *arguments: charges.append(arguments)
    target = declare(shop, "Changing code", "before")
    with Harness() as harness:
        run = executed_again(harness, shop, target, days=1)
        assert run.status == "sleeping"
        registry.remove(target.id)
        declare(shop, "Changing code", mark)
        harness.advance("30 days")
        assert run.status == status
        assert len(charges) == charged
