"""Where the console's websocket is, and the ASGI application that answers it in any project."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from console.auth import DevAutoLogin
from console.live.consumers import ConsoleConsumer

websocket_urlpatterns = [path("ws/console/", ConsoleConsumer.as_asgi())]
websocket_application = AllowedHostsOriginValidator(AuthMiddlewareStack(DevAutoLogin(URLRouter(websocket_urlpatterns))))
