"""Where the console's websocket is."""

from django.urls import path

from console.live.consumers import ConsoleConsumer

websocket_urlpatterns = [path("ws/console/", ConsoleConsumer.as_asgi())]
