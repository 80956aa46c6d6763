"""One story a file. Signalbox imports the ``functions`` of every installed app, a module or a package like this one."""

from examples.functions import (
    document_analysis,
    fan_out,
    github_push,
    invoice,
    nightly_report,
    onboarding,
    publish_article,
    research_agent,
    supply_chain_audit,
)

__all__ = [
    "document_analysis",
    "fan_out",
    "github_push",
    "invoice",
    "nightly_report",
    "onboarding",
    "publish_article",
    "research_agent",
    "supply_chain_audit",
]
