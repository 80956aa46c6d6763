"""``manage.py runs``: a list that fits the terminal, and a run as a waterfall of text."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO, StringIO, TextIOWrapper
from itertools import groupby

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from orchestrator.management.ink import cells
from orchestrator.models import Log, Run
from tests.console.factories import NOW, RunBuilder, make_event, rich_runs

pytestmark = pytest.mark.django_db
Manage = Callable[..., str]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)


class TestList:
    def test_newest_first_with_status_error_and_wait(self, manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "120")
        rich_runs(NOW)
        head, *lines = manage("runs", "list").splitlines()
        assert head.split() == ["STATUS", "FUNCTION", "ID", "AGE", "TOOK"]
        assert [line.split()[3] for line in lines] == sorted((line.split()[3] for line in lines), reverse=True)
        [waiting] = [line for line in lines if "publish-article" in line]
        assert waiting.startswith("◌ waiting")
        assert waiting.endswith("signal approved")
        [failed] = [line for line in lines if line.startswith("✗ failed")]
        assert "PaymentGatewayDown: no answer" in failed

    @pytest.mark.parametrize("columns", [40, 60, 80, 200])
    def test_it_fits_the_terminal(self, manage: Manage, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        RunBuilder("a-function-with-quite-a-long-name-indeed").save("failed", error={"type": "E", "message": "m" * 300})
        longest = max(cells(line) for line in manage("runs", "list").splitlines())
        assert longest <= max(columns, 76)  # id and times are never cut

    def test_filters(self, manage: Manage) -> None:
        event = make_event()
        RunBuilder("ship").save("failed", event=event)
        RunBuilder("pack").save(event=event)
        old = RunBuilder("pack", NOW - timedelta(days=400)).save()

        def functions(*words: str) -> list[str]:
            return [run["function"] for run in orjson.loads(manage("runs", "list", "--json", *words))]

        assert functions("--status", "failed") == ["ship"]
        assert functions("--status", "failed", "--status", "completed", "--limit", "2") == ["pack", "ship"]
        assert functions("--function", "pack") == ["pack", "pack"]
        assert functions("--event-id", event.id) == ["pack", "ship"]
        assert functions("--since", (NOW - timedelta(days=1)).isoformat(), "--function", "pack") == ["pack"]
        assert functions("--since", (old.queued_at - timedelta(days=1)).date().isoformat()) == ["pack", "ship", "pack"]

    @pytest.mark.parametrize("words", [("--limit", "0"), ("--limit", "x"), ("--status", "lost"), ("--since", "soon")])
    def test_bad_options_are_refused(self, manage: Manage, words: tuple[str, str]) -> None:
        with pytest.raises(CommandError, match=words[1]):
            manage("runs", "list", *words)


class TestShow:
    def test_a_tree_of_steps_with_bars_on_one_scale(self, manage: Manage) -> None:
        run = rich_runs(NOW)["completed"]
        text = manage("runs", "show", run.id)
        lines = text.splitlines()
        assert lines[0].startswith("process-order  ✓ completed")
        assert "by event order/placed" in lines[1]
        assert any(line.startswith("├ charge-card ×3") for line in lines)
        [ship] = [n for n, line in enumerate(lines) if "├ ship " in line]
        assert lines[ship + 1].startswith("│ ├ book-carrier")
        assert lines[ship + 3].startswith("│ └ hand-over")
        assert "asleep" in text
        assert 'output {"order":4711' in text

    def test_attempts_and_what_lies_between_them_are_bars(self, manage: Manage) -> None:
        run = RunBuilder(queued=0).retried("charge-card", 2, seconds=1, backoff=1).step("rest", 1, op="sleep").save()
        _, _, charge, rest = manage("runs", "show", run.id).split("\n\n")[1].splitlines()[:4]
        drawn = [character for character, _ in groupby(charge.split(" s  ")[1].strip())]
        assert drawn == ["╳", "┄", "╳", "┄", "█"]
        assert (charge.count("█") > 2, rest.count("─") > 2) == (True, True)

    def test_each_failed_attempt_says_why(self, manage: Manage) -> None:
        text = manage("runs", "show", rich_runs(NOW)["failed"].id)
        for attempt in (1, 2, 3):
            assert f"✗ charge-card, attempt {attempt}: PaymentGatewayDown: no answer from" in text
        assert "raise PaymentGatewayDown" in text

    def test_a_waiting_run_says_for_what(self, manage: Manage) -> None:
        assert "→ waits for signal approved" in manage("runs", "show", rich_runs(NOW)["waiting"].id)

    @pytest.mark.parametrize("columns", [30, 50, 80, 120])
    def test_the_waterfall_fits_the_terminal(
        self, manage: Manage, monkeypatch: pytest.MonkeyPatch, columns: int
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        run = RunBuilder().step("a-step-with-a-name-that-is-far-too-long-to-be-shown").step("名前" * 20).save()
        waterfall = manage("runs", "show", run.id).split("\n\n")[1].splitlines()
        assert len(waterfall) >= 4
        assert max(map(cells, waterfall)) <= max(columns, 34)

    def test_a_wide_fan_out_is_cut_and_says_so(self, manage: Manage) -> None:
        text = manage("runs", "show", rich_runs(NOW)["fan_out"].id)
        assert "… and 43 more steps; --json lists all" in text

    def test_logs_and_warnings(self, manage: Manage) -> None:
        run = RunBuilder().step("load").log("load", "first\n  second").save()
        Log.objects.create(run=run.id, at=NOW, level="WARNING", logger="signalbox", message="step order changed")
        text = manage("runs", "show", run.id, "--logs")
        assert "! step order changed" in text
        assert "INFO    load  first\n      second" in text
        assert "first" not in manage("runs", "show", run.id)

    def test_names_and_messages_cannot_steer_the_terminal(self, manage: Manage) -> None:
        evil = "\x1b[2J\x07evil\r\n"
        error = {"type": "E", "message": evil, "traceback": evil}
        run = RunBuilder().step(evil, status="failed", error=error).log("", evil).save("failed", error=error)
        text = manage("runs", "show", run.id, "--logs")
        assert "evil" in text
        assert not set("\x1b\x07\r") & set(text)

    def test_json_is_what_the_api_answers(self, manage: Manage, client: Client) -> None:
        run = rich_runs(NOW)["completed"]
        answered = client.get(f"/api/v1/runs/{run.id}", REMOTE_ADDR="127.0.0.1", headers={"host": "localhost"})
        assert answered.status_code == 200
        assert orjson.loads(manage("runs", "show", run.id, "--json")) == orjson.loads(answered.content)
        assert orjson.loads(manage("runs", "show", run.id, "--json", "--logs"))["logs"][0]["message"].startswith(
            "charg"
        )

    def test_an_id_of_nobody(self, manage: Manage) -> None:
        with pytest.raises(CommandError, match="no run has the id 01ARZ3NDEKTSV4RRFFQ69G5FAV"):
            manage("runs", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def shown(run: Run, out: StringIO) -> str:
    call_command("runs", "show", run.id, stdout=out)
    return out.getvalue()


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunBuilder().step("load").save()
    assert "\x1b[32m" in shown(run, Terminal())
    assert "\x1b" not in shown(run, StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown(run, Terminal())


def test_a_terminal_without_unicode_gets_ascii() -> None:
    run = rich_runs(NOW)["completed"]
    raw = BytesIO()
    out = TextIOWrapper(raw, encoding="ascii", write_through=True)
    call_command("runs", "show", run.id, stdout=out)
    text = raw.getvalue().decode("ascii")
    assert "|- charge-card x3" in text
    assert "+ completed" in text
