"""Document analysis: steps of which only the one that fails is tried again.

Extract a real text, analyse it, summarise it, save the result. With ``fail_times`` the analysis fails that often on
purpose: the waterfall shows its attempts and the backoff between them, while the text is extracted once and the row is
written once. The summary comes from a language model where LLM_BASE_URL names one (examples/language_model.py), else
from this machine.

    curl -d '{"name": "document/uploaded", "data": {"document": "license", "fail_times": 2}}' http://127.0.0.1:8000/e/dev
"""

from dataclasses import asdict

from pydantic import BaseModel

from examples.documents import Document, find_document
from examples.models import Analysis
from examples.readability import Reading, analyse
from examples.summaries import Summary, summarise
from orchestrator import Context, NonRetriableError, Retries, event, function


@event("document/uploaded")
class DocumentUploaded(BaseModel):
    """``document``: "license" or "readme", of a package that is installed here."""

    document: str = "license"
    fail_times: int = 0


PATIENT = Retries(max_attempts=6, initial="2s")  # for a model that is busy


@function(on=DocumentUploaded, retries=Retries(max_attempts=5, initial="500ms"))
async def document_analysis(ctx: Context[DocumentUploaded]) -> Reading:
    """How hard a text is to read, and what it is about."""
    upload, step = ctx.event.data, ctx.step

    def analyse_as_asked(text: str) -> Reading:
        if ctx.step_attempt <= upload.fail_times:
            raise ConnectionError(f"failed on purpose, {ctx.step_attempt} of {upload.fail_times} times")
        return analyse(text)

    document = await step.run("extract-text", extract_text, upload.document)
    reading = await step.run("analyse", analyse_as_asked, document.text)
    summary = await step.with_retries(PATIENT).run("summarise", summarise, document.text)
    await step.transaction("save-result", save_result, ctx.run_id, document.title, reading, summary)
    return reading


def extract_text(kind: str) -> Document:
    try:
        return find_document(kind)
    except LookupError as error:
        raise NonRetriableError(str(error)) from error  # another attempt would find no more


def save_result(run_id: str, title: str, reading: Reading, summary: Summary) -> int:
    columns = asdict(reading) | {"summary": summary.text, "summarised_by": summary.by}
    return Analysis.objects.create(run=run_id, title=title, **columns).pk
