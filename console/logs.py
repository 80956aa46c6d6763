"""Structured logs: one event a line, with its extra fields; JSON for machines, ``name key=value`` for people."""

import logging
from datetime import UTC, datetime
from typing import Any

import orjson

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Django attaches the request object to its records; it is neither JSON nor for logs.
_UNLOGGED_FIELDS = frozenset({"request", "server_time"})


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    hidden = _STANDARD_FIELDS | _UNLOGGED_FIELDS
    return {name: value for name, value in vars(record).items() if name not in hidden}


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        row: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            row["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class LineFormatter(logging.Formatter):
    """Formats a record for a terminal: time, level, event, then ``key=value`` for each extra field."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f" {name}={value}" for name, value in _extras(record).items())
        line = f"{at} {record.levelname.lower():<7} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
