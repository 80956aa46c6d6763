"""One event a line, with its fields."""

import json
import logging
import sys

from console.logs import JsonFormatter, LineFormatter


def record(**fields: object) -> logging.LogRecord:
    values = {"name": "orchestrator.engine", "levelname": "INFO", "msg": "step.retrying", "created": 0.25}
    return logging.makeLogRecord(values | fields)


def test_json_has_the_event_and_its_fields() -> None:
    assert json.loads(JsonFormatter().format(record(run="01AB", delay_seconds=20))) == {
        "at": "1970-01-01T00:00:00.250000+00:00",
        "level": "info",
        "logger": "orchestrator.engine",
        "event": "step.retrying",
        "run": "01AB",
        "delay_seconds": 20,
    }


def test_json_takes_values_that_json_has_not() -> None:
    assert json.loads(JsonFormatter().format(record(keys={"a"})))["keys"] == "{'a'}"


def test_a_line_reads_from_left_to_right() -> None:
    line = LineFormatter().format(record(run="01AB"))
    assert line.split(maxsplit=1)[1] == "info    step.retrying run=01AB"


def test_an_error_keeps_its_traceback_in_both() -> None:
    try:
        raise ValueError("no such card")
    except ValueError:
        failed = record(exc_info=sys.exc_info())
    assert "no such card" in json.loads(JsonFormatter().format(failed))["traceback"]
    assert LineFormatter().format(failed).endswith("ValueError: no such card")
