"""The HTTP doors: the event endpoint and the REST API."""
