"""F16: one run with very many children."""

import resource
from time import process_time

import pytest
from django.db.models import Count
from django.test import Client
from django.urls import reverse

from orchestrator import TaskContext, task
from orchestrator.models import Run
from tests.engine.conftest import StartEngine
from tests.engine.reading import completed
from tests.eventually import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("functions")]

MEMORY_BYTES_PER_CHILD = 40_000
FIRST_PAINT_SECONDS = 2.0  # of this process, whatever else the machine does


def fan_out(start: StartEngine, children: int) -> str:
    """A run that has completed with so many children."""

    @task()
    async def double(ctx: TaskContext, n: int) -> int:
        return await ctx.step.run("double", lambda: 2 * n)

    @task()
    async def fan(ctx: TaskContext) -> int:
        return sum(await ctx.step.map("double", double, range(children)))

    start()
    run = fan.trigger()
    eventually(lambda: Run.objects.get(id=run).status == "completed", within_seconds=300, every_seconds=0.2)
    assert completed(run) == children * (children - 1)
    statuses = Run.objects.filter(parent=run).values_list("status").annotate(count=Count("*"))
    assert dict(statuses) == {"completed": children}
    return run


def test_hundreds_of_children_are_joined(start: StartEngine) -> None:
    fan_out(start, 300)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_children_are_joined_in_bounded_memory_and_shown(start: StartEngine, client: Client) -> None:
    children = 10_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = fan_out(start, children)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < children * MEMORY_BYTES_PER_CHILD
    client.get(reverse("console:home"))  # templates are compiled at the first page
    began = process_time()
    page = client.get(reverse("console:run", args=[run]))
    assert process_time() - began < FIRST_PAINT_SECONDS
    assert page.status_code == 200
