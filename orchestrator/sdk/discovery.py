"""Importing the modules that declare functions. One that is broken is remembered: it stops the engine, nothing else."""

import importlib
import logging
import traceback
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.core.errors import InvalidFunction
from orchestrator.sdk.failure import OWN_CODE

logger = logging.getLogger(__name__)
NOT_THEIRS = (OWN_CODE, str(importlib.__file__), "<frozen importlib", "<string>")


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """A module with functions that could not be imported, and why."""

    module: str
    error: Exception

    @property
    def summary(self) -> str:
        """One line, such as ``SyntaxError: '(' was never closed (functions.py, line 3)``."""
        return f"{type(self.error).__name__}: {next(iter(str(self.error).splitlines()), '')}".rstrip(": ")

    @property
    def traceback(self) -> str:
        """The traceback as Python prints it, from the author's code on."""
        tree = traceback.TracebackException.from_exception(self.error)
        tree.stack[:] = [frame for frame in tree.stack if not frame.filename.startswith(NOT_THEIRS)]
        return "".join(tree.format()).rstrip()


failures: list[ImportFailure] = []


def import_functions(modules: Iterable[str]) -> None:
    """Imports each module. What only reads, such as the console, works without a broken one; the engine does not."""
    failures.clear()
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # author code
            failures.append(ImportFailure(module, error))
            logger.error("functions.import_failed", extra={"module_name": module, "reason": failures[-1].summary})


def require_functions() -> None:
    """Raises InvalidFunction unless every module with functions could be imported."""
    for failure in failures:
        raise InvalidFunction(
            f"{failure.module} cannot be imported: {failure.summary}; manage.py check shows its traceback"
        ) from failure.error
