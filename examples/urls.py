"""Addresses of the examples."""

from django.urls import path

from examples import webhooks

urlpatterns = [path("webhooks/github", webhooks.github, name="github-webhook")]
