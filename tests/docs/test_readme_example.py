"""The example of the README, as one module."""

import sys
from types import ModuleType

from orchestrator.sdk.registry import registry
from tests.docs.page import blocks


def test_the_readme_greets_ada() -> None:
    hello = ModuleType("hello_of_the_readme")
    sys.modules[hello.__name__] = hello
    try:
        for block in blocks("README.md"):
            block.run_in(hello)
        hello.test_ada_is_greeted()
    finally:
        registry.remove("greet")
        del sys.modules[hello.__name__]
