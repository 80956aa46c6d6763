"""Research agent: it plans, sends out readers side by side, looks at what they bring, goes on until it knows enough.

Plain Python decides what comes next; each decision, each reader and each finding is durable. It reads the packages that
are installed here, and nothing leaves this machine, unless LLM_BASE_URL names a language model to write the report.

    curl -d '{"name": "research/requested", "data": {"question": "How is a lost connection or a timeout handled?"}}' \\
         http://127.0.0.1:8000/e/dev
"""

import asyncio
from itertools import chain

from pydantic import BaseModel, Field

from examples.language_model import ask, endpoint
from examples.library import Passage, choose_sources, search_docstrings, search_readme, widen
from examples.readability import WORD, keywords
from orchestrator import Context, TaskContext, event, function, task


@event("research/requested")
class ResearchRequested(BaseModel):
    """``enough``: how many passages it takes to write a report."""

    question: str
    enough: int = Field(default=12, ge=1)


class Report(BaseModel):
    """``text`` was written by ``by``, of these passages."""

    text: str
    by: str
    passages: list[Passage]


READERS, ROUNDS = 4, 3
PROMPT = "Answer in one page, with the numbers of the notes you use in brackets: {question}\n\n{notes}"


@function(on=ResearchRequested)
async def research_agent(ctx: Context[ResearchRequested]) -> Report:
    """Answers a question from what the installed packages say of themselves."""
    request, step = ctx.event.data, ctx.step
    notes: list[Passage] = []
    read: list[str] = []
    terms = await step.run("plan", plan, request.question)
    for _ in range(ROUNDS):
        sources = await step.run("choose-sources", choose_sources, terms, read, READERS)
        found = await asyncio.gather(*(read_source.trigger_and_wait(source, terms) for source in sources))
        notes += chain(*found)
        read += sources
        if len(notes) >= request.enough:
            break
        terms = await step.run("widen", widen, terms, notes)
    return await step.run("write-report", write_report, request.question, notes)


@task()
async def read_source(ctx: TaskContext, source: str, terms: list[str]) -> list[Passage]:
    """What a package says about the terms, in its readme and in its docstrings."""
    readme, docstrings = await asyncio.gather(
        ctx.step.run("search-readme", search_readme, source, terms),
        ctx.step.run("search-docstrings", search_docstrings, source, terms),
    )
    return readme + docstrings


def plan(question: str) -> list[str]:
    """What to look for: the words of the question that carry meaning."""
    return [word.removesuffix("s") for word in keywords(WORD.findall(question), most=6)]


def write_report(question: str, notes: list[Passage]) -> Report:
    best = sorted(notes, key=lambda passage: -passage.score)
    numbered = "\n".join(f"[{n}] {note.source}, {note.place}: {note.text}" for n, note in enumerate(best, 1))
    model = endpoint()
    if model is None:
        return Report(text=f"# {question}\n\n{numbered}", by="this machine", passages=best)
    return Report(text=ask(model, PROMPT.format(question=question, notes=numbered)), by=model.model, passages=best)
