"""The ASGI application: event ingest by a plain route, everything else by Django, websockets by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
# Sets Django up; the imports below need its apps.
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from console.live.routing import websocket_application  # noqa: E402
from orchestrator.api.ingest_asgi import IngestApp  # noqa: E402
from orchestrator.api.limits_asgi import BodyLimitApp  # noqa: E402
from orchestrator.api.waiting_asgi import WaitingApp  # noqa: E402

application = ProtocolTypeRouter(
    {"http": IngestApp(BodyLimitApp(WaitingApp(django_application))), "websocket": websocket_application}
)
