"""The ASGI application: event ingest by a plain route, everything else by Django, websockets by Channels."""

import os
import sys
import threading

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
# Sets Django up; the imports below need its apps.
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from console.bounds import set_bounds  # noqa: E402
from console.health import CHECKS  # noqa: E402
from console.live.routing import websocket_application  # noqa: E402
from orchestrator.api.crowd_asgi import CrowdApp  # noqa: E402
from orchestrator.api.ingest_asgi import IngestApp  # noqa: E402
from orchestrator.api.limits_asgi import BodyLimitApp  # noqa: E402
from orchestrator.api.waiting_asgi import WaitingApp  # noqa: E402

in_django = CrowdApp(django_application, free=CHECKS)
application = ProtocolTypeRouter(
    {"http": IngestApp(BodyLimitApp(WaitingApp(in_django))), "websocket": websocket_application}
)

END_SECONDS = 10.0  # for requests under way when daphne is told to end


def _end_in_time() -> None:
    """Python's exit joins the threads of requests, and they wait for a loop that daphne has stopped: for ever."""
    end = threading.Timer(END_SECONDS, os._exit, (0,))
    end.daemon = True
    end.start()


if "daphne.cli" in sys.modules:
    set_bounds()
    sys.modules["twisted.internet.reactor"].addSystemEventTrigger("before", "shutdown", _end_in_time)  # type: ignore[attr-defined]
