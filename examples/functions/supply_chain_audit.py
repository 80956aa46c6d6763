"""Supply-chain audit: is every Python package installed here what it says it is?

One event starts one child run a distribution. Each child hashes its files against the RECORD its installer wrote, and
reads its licence and dependencies; the parent joins them into a report. Nothing leaves this machine.

    curl -d '{"name": "audit/requested", "data": {"limit": 40}}' http://127.0.0.1:8000/e/dev
"""

from itertools import chain

from pydantic import BaseModel, Field

from examples.distributions import installed_names, read_facts, verify_files
from examples.findings import Audit, Report, summarise
from orchestrator import Context, TaskContext, event, function, task

CHILDREN_AT_ONCE = 16


@event("audit/requested")
class AuditRequested(BaseModel):
    """``limit``: audit only so many distributions, the first by name."""

    limit: int | None = Field(default=None, ge=1)


@task(retries=1)
async def audit_distribution(ctx: TaskContext, name: str) -> Audit:
    """What is wrong with one distribution."""
    facts = await ctx.step.run("read-metadata", read_facts, name)
    damage = await ctx.step.map("verify-files", verify_files, facts.batches)
    return Audit(facts.name, facts.version, facts.files, findings=[*facts.findings, *chain(*damage)])


@function(on=AuditRequested)
async def supply_chain_audit(ctx: Context[AuditRequested]) -> Report:
    """Checks the files, licences and dependencies of everything that is installed."""
    names = await ctx.step.run("list-distributions", installed_names, ctx.event.data.limit)
    audits = await ctx.step.map("audit", audit_distribution, names, concurrency=CHILDREN_AT_ONCE)
    return await ctx.step.run("write-report", summarise, audits)
