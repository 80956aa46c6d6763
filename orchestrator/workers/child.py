"""A child process that executes one run: ``python -m orchestrator.workers.child FD ENGINE``, started by that engine.

It holds no lease and writes no journal: it says ops over the pipe and goes on when they are durable. Only
``step.transaction`` commits here, under the fence that the engine holds.
"""

import ctypes
import faulthandler
import gc
import os
import signal
import socket
import sys
from importlib import import_module

import django
from django.conf import settings

from orchestrator.workers.pipe import ORPHANED, Pipe

PR_SET_PDEATHSIG = 1
OF_THE_WEB_SERVER = {"daphne", "ninja"}  # packages with an app that has no models, and that takes its time to load


def main() -> None:
    _die_with_parent(int(sys.argv[2]))
    faulthandler.enable()
    pipe = Pipe(socket.socket(fileno=int(sys.argv[1])))
    gc.disable()  # what is imported stays: to look through it again and again takes a tenth of the start
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app.partition(".")[0] not in OF_THE_WEB_SERVER]
    django.setup()
    execution = import_module("orchestrator.workers.execution")  # after the setup: it knows the models
    gc.freeze()
    gc.enable()
    execution.execute(pipe, pipe.read())  # it may be the spare one, whose run is still to come


def _die_with_parent(parent: int) -> None:
    """Also when native code keeps the interpreter from seeing the pipe close, where the system is Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # whatever its number: in a container a living engine may well be process 1
        os._exit(ORPHANED)  # it died before this was asked for


if __name__ == "__main__":
    main()
