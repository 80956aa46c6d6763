"""Many rows in few statements on SQLite: its driver lets Python's lock go at every step of every statement.

Beside a busy thread each of these costs up to a switch interval (5 ms) to get the lock back: 160 rows by
``executemany`` took 85 ms, the same rows in two statements 2 ms.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

SIZES = (128, 64, 32, 16, 8, 4, 2, 1)  # rows in one statement: few texts, so that all of them stay prepared
STATEMENTS = 512  # prepared ones that a connection keeps


class Bulk:
    """A statement in which ``{}`` stands for rows of ``width`` parameters: ``INSERT INTO t VALUES {}``.

    ``single`` is the same for one row, where that is quicker: a table of one row takes SQLite 40 us to make.
    """

    __slots__ = ("_text", "_texts", "_width")

    def __init__(self, text: str, width: int, single: str = "") -> None:
        self._text = text
        self._width = width
        self._texts: dict[int, str] = {1: single} if single else {}

    def run(
        self, raw: sqlite3.Connection, rows: int, columns: Sequence[Iterable[Any]], *more: Any
    ) -> list[tuple[Any, ...]]:
        """What it returned for all rows, which are given column by column; ``more`` follows the rows."""
        values = chain.from_iterable(zip(*columns, strict=True))
        found: list[tuple[Any, ...]] = []
        for size in SIZES:
            while rows >= size:
                params = list(islice(values, size * self._width))
                params += more
                found += raw.execute(self._of(size), params).fetchall()
                rows -= size
        return found

    def _of(self, size: int) -> str:
        text = self._texts.get(size)
        if text is None:
            row = f"({','.join('?' * self._width)})"
            text = self._texts[size] = self._text.format(",".join([row] * size))
        return text
