"""Which names of a batch's events concern anybody: one look for all of them, which most events end with."""

from collections.abc import Callable, Iterable, Sequence

from orchestrator.engine.journal.items import Start
from orchestrator.engine.journal.tx import Tx
from orchestrator.engine.rows import CancelOnRow

Name = tuple[int, str]  # with its environment
Answer = Callable[[], set[Name]]


def ask_waited(tx: Tx, starts: Sequence[Start]) -> Answer:
    """Those that anybody waits for. What is asked next need not wait for the answer."""
    return _ask(tx, _names(starts), "signalbox_wait WHERE kind = 'event'")


def ask_cancelling(tx: Tx, starts: Sequence[Start]) -> Answer:
    """Those that may cancel a run, one of this transaction too."""
    if tx.holds(CancelOnRow):
        tx.flush()
    return _ask(tx, _names(starts), "signalbox_cancel_on WHERE true")


def _names(starts: Iterable[Start]) -> list[Name]:
    return list({(start.event.env, start.event.name) for start in starts if start.event is not None})


def _ask(tx: Tx, names: list[Name], rows: str) -> Answer:
    if not names:
        return set
    names += names[-1:] * ((1 << (len(names) - 1).bit_length()) - len(names))  # few texts, so that they stay prepared
    values = ", ".join(["(CAST(? AS integer), CAST(? AS text))"] * len(names))
    found = tx.db.ask(
        # Not EXISTS, of which PostgreSQL may make a join that reads every row.
        f"SELECT column1, column2 FROM (VALUES {values}) AS v"
        f" WHERE (SELECT 1 FROM {rows} AND env = column1 AND name = column2 LIMIT 1) = 1",
        [value for pair in names for value in pair],
    )
    return lambda: {(env, name) for env, name in found()}
