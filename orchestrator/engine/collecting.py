"""Python's cycle collector in an engine process: it took a sixth of the time while runs came and went by thousands."""

import gc

# Objects that came and are not freed yet, until a look at the young; looks until the older ones' turn. An ended run
# leaves no cycles, so what a look goes through is what is in flight: a hundred objects a run, at a microsecond each.
THRESHOLDS = (50_000, 20, 50)


class Collector:
    """``relax`` lets it look seldom and never at what is loaded by now; ``restore`` undoes that."""

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None

    def relax(self) -> None:
        if self._before is None:
            self._before = gc.get_threshold()
            gc.collect()
            gc.freeze()
            gc.set_threshold(*THRESHOLDS)

    def restore(self) -> None:
        if self._before is not None:
            gc.set_threshold(*self._before)
            gc.unfreeze()
            self._before = None
