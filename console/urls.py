"""Where everything is: the console's pages at the root, the API and the admin."""

from django.apps import apps
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("orchestrator.api.urls")),
    path("", include("console.views.urls")),
]
if apps.is_installed("examples"):
    urlpatterns.append(path("", include("examples.urls")))
