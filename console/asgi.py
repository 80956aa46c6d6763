"""The ASGI application: event ingest by a plain route, everything else by Django, websockets by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
# Sets Django up; the imports below need its apps.
django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from console.auth import DevAutoLogin  # noqa: E402
from console.live.routing import websocket_urlpatterns  # noqa: E402
from orchestrator.api.ingest_asgi import IngestApp  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": IngestApp(django_application),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(DevAutoLogin(URLRouter(websocket_urlpatterns)))),
    }
)
