"""Settings of the processes under torture: the project's own, the programs, and a lease short enough to wait for."""

import os

from console.settings import *  # noqa: F403
from console.settings import INSTALLED_APPS, ORCHESTRATOR

INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app != "examples"), "torture"]
ORCHESTRATOR = ORCHESTRATOR | {"LEASE_SECONDS": int(os.environ.get("TORTURE_LEASE_SECONDS", "5"))}
