"""How far a run is and what it uses, on its page: for eyes and for ears."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Page, expect

from console.presenters.usage import usage
from orchestrator.core.machines import MB, PRESETS
from orchestrator.models import Journal, Progress, Run, Sample
from tests.console.factories import NOW, RunBuilder, make_function

pytestmark = pytest.mark.django_db


def sampled(run: Run, *memory_megabytes: int) -> None:
    for second, megabytes in enumerate(memory_megabytes):
        cpu = 40.0 + 10 * second
        Sample.objects.create(run=run.id, second=second, cpu_percent=cpu, memory_bytes=megabytes * MB)


def test_a_run_that_tells_nothing_shows_nothing(visitor: Client) -> None:
    run = RunBuilder().save("completed")
    page = visitor.get(f"/runs/{run.id}").content.decode()
    assert re.search(r'<section class="usage"[^>]* hidden>', page)


def test_progress_and_charts_are_on_the_page_and_told_in_words(visitor: Client) -> None:
    make_function(config={"machine": PRESETS["small-1x"].to_json()})
    run = RunBuilder().save("running")
    Progress.objects.create(run=run.id, fraction=0.4, message="page 12 of <30>", at=NOW)
    sampled(run, 100, 300, 200)

    for path in ("", "/usage", "/head"):
        page = visitor.get(f"/runs/{run.id}{path}").content.decode()
        assert '<progress value="0.400" max="1" aria-label="Progress">' in page
        assert "page 12 of &lt;30&gt;" in page
        assert 'aria-label="Processor: 60 % of a core now, at most 60 %."' in page
        assert 'aria-label="Memory: 200 MB of 512 MB now, at most 300 MB."' in page
        assert f'data-usage="/runs/{run.id}/usage"' in page


def test_a_run_that_has_ended_is_looked_at_no_more(visitor: Client) -> None:
    run = RunBuilder().save("completed")
    sampled(run, 100)
    page = visitor.get(f"/runs/{run.id}/usage").content.decode()
    assert "Memory: 100 MB now" in page
    assert "data-usage" not in page


def test_the_lines_stay_within_their_charts() -> None:
    run = RunBuilder().save("running")
    sampled(run, 100, 300, 200)
    for chart in usage(run).charts:
        points = [tuple(map(float, point.split(","))) for point in chart.points.split()]
        assert [x for x, _ in points] == [0, 60, 120]
        assert all(1 <= y <= 23 for _, y in points)


def test_the_limit_is_that_of_the_machine_the_run_goes_on_with() -> None:
    machines = {"machine": PRESETS["micro"].to_json(), "on_out_of_memory": PRESETS["large-1x"].to_json()}
    make_function(config=machines)
    run = RunBuilder().save("running")
    assert usage(run).machine == "micro"
    Journal.objects.create(run=run.id, seq=run.seq + 1, kind="run.enlarged", at=NOW)
    assert usage(run).machine == "large-1x"


@pytest.mark.django_db(transaction=True)
# WhiteNoise is synchronous: under ASGI each of its files is read at once.
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning")
def test_the_page_follows_a_run_without_a_bell(page: Page, console_url: str) -> None:
    run = RunBuilder().step("load").save("running")
    page.goto(f"{console_url}/runs/{run.id}")
    expect(page.get_by_role("progressbar", name="Progress")).to_be_hidden()

    Progress.objects.create(run=run.id, fraction=0.4, message="page 12 of 30", at=NOW)
    sampled(run, 100, 300)
    expect(page.get_by_text("page 12 of 30")).to_be_visible()
    expect(page.get_by_role("img", name="Memory: 300 MB now, at most 300 MB.")).to_be_visible()

    Progress.objects.filter(run=run.id).update(fraction=0.5, message="page 15 of 30")
    expect(page.get_by_text("page 15 of 30")).to_be_visible()
    results = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    assert results.violations_count == 0, results.generate_report()
