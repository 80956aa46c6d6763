"""Where the HTTP doors are mounted: ``include("orchestrator.api.urls")`` at the root of a project's urls."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from orchestrator.api.api import api, not_found
from orchestrator.api.ingest_view import ingest

urlpatterns = [
    path("e/<str:key>", ingest, name="signalbox-ingest"),
    path("api/v1/", RedirectView.as_view(pattern_name="signalbox-api:openapi-view")),
    path("api/v1/", api.urls),
    re_path(r"^api/v1/", not_found),
]
