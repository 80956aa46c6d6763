"""Settings of servers that are killed: the project's own, one app more, and a short lease where a test asks for it."""

import os

from console.settings import *  # noqa: F403
from console.settings import INSTALLED_APPS, ORCHESTRATOR

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.bank"]
ORCHESTRATOR = ORCHESTRATOR | {"LEASE_SECONDS": int(os.environ.get("CHAOS_LEASE_SECONDS", "15"))}
