"""Fan-out: a thousand items, each a durable step, or each a run of its own. The line that does it is the same.

The items are the largest Python files that are installed here; their lines are counted. Kill the process half-way: at
the next start only those that are missing are counted.

    curl -d '{"name": "census/by-steps", "data": {"files": 1000}}' http://127.0.0.1:8000/e/dev
    curl -d '{"name": "census/by-runs", "data": {"files": 1000}}' http://127.0.0.1:8000/e/dev
"""

from pydantic import BaseModel, Field

from examples.census import Census, Count, add_up, count_lines, python_files
from orchestrator import Context, TaskContext, event, function, task


@event("census/by-steps")
class CensusBySteps(BaseModel):
    files: int = Field(default=1000, ge=1)


@event("census/by-runs")
class CensusByRuns(BaseModel):
    files: int = Field(default=1000, ge=1)


@function(on=CensusBySteps)
async def census_by_steps(ctx: Context[CensusBySteps]) -> Census:
    """Counts the lines of each file in a step."""
    files = await ctx.step.run("list-files", python_files, ctx.event.data.files)
    counts = await ctx.step.map("count", count_lines, files, concurrency=50)
    return add_up(counts)


@function(on=CensusByRuns)
async def census_by_runs(ctx: Context[CensusByRuns]) -> Census:
    """Counts the lines of each file in a child run."""
    files = await ctx.step.run("list-files", python_files, ctx.event.data.files)
    counts = await ctx.step.map("count", count_file, files, concurrency=50)
    return add_up(counts)


@task()
async def count_file(ctx: TaskContext, path: str) -> Count:
    """Counts the lines of one file."""
    return await ctx.step.run("count-lines", count_lines, path)
