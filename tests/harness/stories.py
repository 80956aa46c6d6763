"""Functions whose tests are the stories below."""

import asyncio
from dataclasses import dataclass

from django.contrib.auth import get_user_model

from orchestrator import (
    Context,
    Cron,
    NonRetriableError,
    Retries,
    SyncContext,
    SyncTaskContext,
    TaskContext,
    event,
    function,
    task,
)

PREFIX = "harness-story"


@event("harness/signed-up")
@dataclass
class SignedUp:
    user_id: str
    email: str


@event("harness/confirmed")
@dataclass
class Confirmed:
    user_id: str


def send_email(address: str, template: str) -> str:
    print(f"{template} to {address}")  # noqa: T201 - what runs print is kept
    return template


@function(on=SignedUp, id=f"{PREFIX}/onboarding")
def onboarding(ctx: SyncContext[SignedUp]) -> str:
    user, step = ctx.event.data, ctx.step
    step.run("send-welcome", send_email, user.email, "welcome")
    confirmed = step.wait_for_event("wait-for-confirmation", Confirmed, match="data.user_id", timeout="3 days")
    if confirmed is None:
        step.run("send-reminder", send_email, user.email, "reminder")
        return "reminded"
    step.sleep("let-them-look-around", "2 days")
    step.run("send-tips", send_email, user.email, "tips")
    return "onboarded"


async def fetch(section: str) -> str:
    return section.upper()


@task(id=f"{PREFIX}/section")
async def write_section(ctx: TaskContext, section: str) -> str:
    return await ctx.step.run("fetch", fetch, section)


@task(id=f"{PREFIX}/report")
async def write_report(ctx: TaskContext, sections: list[str]) -> str:
    return " ".join(await asyncio.gather(*(write_section.trigger_and_wait(section) for section in sections)))


@task(id=f"{PREFIX}/charge", retries=Retries(3, initial="1 h", jitter=0))
async def charge(ctx: TaskContext, amount: int) -> str:
    return await ctx.step.run("charge", ask_bank, amount)


async def ask_bank(amount: int) -> str:
    raise ConnectionError(f"the bank did not answer for {amount}")


@task(id=f"{PREFIX}/publish")
async def publish(ctx: TaskContext) -> str:
    decision = await ctx.step.wait_for_signal("approval", timeout="1 day")
    if decision is None:
        raise NonRetriableError("nobody decided")
    return str(decision["by"])


@function(on=Cron("0 9 * * *"), id=f"{PREFIX}/nightly")
async def nightly(ctx: Context[object]) -> str:
    return ctx.event.name


@task(id=f"{PREFIX}/add-user")
def add_user(ctx: SyncTaskContext, name: str) -> int:
    return ctx.step.transaction("insert", insert_user, name)


def insert_user(name: str) -> int:
    return get_user_model().objects.create(username=name).pk


def say_numbers() -> None:
    for number in (3, 2, 1):
        print(number, end=" ")  # noqa: T201 - what runs print is kept


@task(id=f"{PREFIX}/count-down")
def count_down(ctx: SyncTaskContext) -> None:
    ctx.step.run("numbers", say_numbers)
    print("go")  # noqa: T201
    print("done", end="")  # noqa: T201


@task(id=f"{PREFIX}/announce")
def announce(ctx: SyncTaskContext) -> list[str]:
    return ctx.step.send_event("tell", [Confirmed("u1"), Confirmed("u2")], key="once")
