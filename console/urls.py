"""Where everything is: the console's pages at the root, the API, the admin and the health check."""

from django.apps import apps
from django.contrib import admin
from django.urls import include, path

from console.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
    path("", include("orchestrator.api.urls")),
    path("", include("console.views.urls")),
]
if apps.is_installed("examples"):
    urlpatterns.append(path("", include("examples.urls")))
