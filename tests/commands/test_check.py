"""``manage.py check`` on functions that cannot work: each fault has an id, a place and a way out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, Error, Warning
from django.test import override_settings

from orchestrator import checks
from orchestrator.core.errors import InvalidFunction
from orchestrator.core.retry import Retries
from orchestrator.core.routing import Trigger
from orchestrator.sdk.discovery import failures, import_functions, require_functions
from orchestrator.sdk.registry import Definition, registry
from tests.commands.running import Shell

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path; what is imported from it is forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    kept, kept_failures = dict(registry._definitions), list(failures)
    yield tmp_path
    registry._definitions.clear()
    registry._definitions.update(kept)
    failures[:] = kept_failures


def declared(**more: object) -> Definition:
    values = {"id": "ship", "name": "ship", "kind": "function", "is_async": False, "triggers": ()}
    return Definition(body=declared, retries=Retries(), **values | more)  # type: ignore[arg-type]


def found(definition: Definition) -> list[CheckMessage]:
    return list(checks.function_messages(definition, ["default"], NOW))


@pytest.mark.parametrize(
    "source, id, words",
    [
        ("def f(:\n", "signalbox.E001", "SyntaxError"),
        ("import no_such_library\n", "signalbox.E001", "No module named 'no_such_library'"),
        ("1 / 0\n", "signalbox.E001", "ZeroDivisionError: division by zero"),
        ("from orchestrator import task\n@task(id='a b')\ndef f(ctx): ...\n", "signalbox.E002", "'a b' is no id"),
        ("from orchestrator import Cron\nCron('61 * * * *')\n", "signalbox.E003", "bad minute"),
        (
            "from orchestrator import function\n@function(on='a', if_='event.')\ndef f(ctx): ...\n",
            "signalbox.E004",
            "event.",
        ),
    ],
)
def test_a_module_that_cannot_be_imported_is_shown_with_its_traceback(
    modules: Path, source: str, id: str, words: str
) -> None:
    name = f"broken_{abs(hash(source))}"
    (modules / f"{name}.py").write_text(source)
    import_functions([name])
    [message] = checks.check_modules()
    assert (message.id, message.hint is not None) == (id, True)
    assert words in message.msg
    assert f'{name}.py", line ' in message.msg
    assert "importlib" not in message.msg


def test_two_functions_with_one_id_are_both_named(modules: Path) -> None:
    for name in ("first_shop", "second_shop"):
        (modules / f"{name}.py").write_text("from orchestrator import task\n@task(id='pack')\ndef pack(ctx): ...\n")
    import_functions(["first_shop", "second_shop"])
    [message] = checks.check_modules()
    assert message.id == "signalbox.E002"
    assert "first_shop.pack and second_shop.pack" in message.msg


def test_the_engine_refuses_to_start_without_a_module(modules: Path) -> None:
    import_functions(["there_is_no_such_module"])
    with pytest.raises(InvalidFunction, match="there_is_no_such_module cannot be imported"):
        require_functions()
    import_functions([])
    require_functions()


def test_a_condition_that_names_nothing_is_an_error() -> None:
    [message] = found(declared(triggers=(Trigger(event="order/paid", expression="async.data.total > 1"),)))
    assert isinstance(message, Error)
    assert (message.id, "no value is named 'async'" in message.msg) == ("signalbox.E004", True)


@pytest.mark.parametrize("queue", ["", "q" * 65, "line\nbreak"])
def test_a_queue_needs_a_name(queue: str) -> None:
    [message] = found(declared(queue=queue))
    assert message.id == "signalbox.E005"


def test_a_queue_that_nobody_works_on_is_a_warning() -> None:
    [message] = found(declared(queue="slow"))
    assert isinstance(message, Warning)
    assert (message.id, message.hint) == (
        "signalbox.W001",
        "Add 'slow' to ORCHESTRATOR['QUEUES'], or correct queue=.",
    )


def test_a_function_as_it_should_be_gives_no_message() -> None:
    assert found(declared(triggers=(Trigger(event="order/paid", expression="event.data.total > 1"),))) == []


@override_settings(ORCHESTRATOR={"DATABASE": "elsewhere"})
def test_a_database_that_is_not_there_is_an_error() -> None:
    [message] = checks.check_settings()
    assert message.id == "signalbox.E006"


def test_manage_py_check_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bad_jobs.py").write_text("def f(:\n")
    shell = Shell(tmp_path / "home", {"PYTHONPATH": str(tmp_path), "SIGNALBOX_FUNCTIONS": "bad_jobs"})
    done = shell("check")
    assert done.returncode == 1
    assert "(signalbox.E001) bad_jobs cannot be imported: SyntaxError" in done.stderr
    assert "HINT: Mend the module" in done.stderr
