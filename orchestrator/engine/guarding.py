"""Work of the engine's own that nobody waits for."""

import logging
from collections.abc import Coroutine
from typing import Any

from orchestrator.core.errors import OrchestratorError
from orchestrator.sdk.transport import Suspend

logger = logging.getLogger(__name__)


async def guarded(work: Coroutine[Any, Any, None]) -> None:
    """Work of the engine's own: an error of it is logged, the run it was about is found again by the sweep."""
    try:
        await work
    except Suspend:
        return  # the run it was about is another's by now
    except OrchestratorError as error:
        logger.warning("engine.work_refused", extra={"reason": str(error)})
    except Exception:  # a fault of ours must not end the engine
        logger.exception("engine.work_failed")
