"""Publish: a person decides, and may take a week to do so.

The run waits for a signal that is sent to it, and to no other run: from its page in the console, or from outside:

    curl -d '{"name": "article/submitted", "data": {"title": "Notes", "text": "On the Engine", "author": "Ada"}}' \\
         http://127.0.0.1:8000/e/dev
    curl -H 'Content-Type: application/json' -d '{"name": "approval", "data": {"approved": true, "by": "Grace"}}' \\
         http://127.0.0.1:8000/api/v1/runs/RUN_ID/signal
"""

from django.utils import timezone
from pydantic import BaseModel

from examples.mail import send_mail
from examples.models import Article
from orchestrator import Context, event, function

EDITOR = "editor@example.com"


@event("article/submitted")
class ArticleSubmitted(BaseModel):
    title: str
    text: str
    author: str


@function(on=ArticleSubmitted)
async def publish_article(ctx: Context[ArticleSubmitted]) -> str:
    """Publishes an article when an editor approves it within a week."""
    article, step = ctx.event.data, ctx.step
    draft = await step.transaction("save-draft", save_draft, article)
    await step.transaction("ask-editor", send_mail, EDITOR, f"Approve {article.title!r}?", f"Run {ctx.run_id} waits.")
    answer = await step.wait_for_signal("approval", timeout="7 days")
    match answer:
        case {"approved": True}:
            await step.transaction("publish", publish, draft, answer.get("by", EDITOR))
            return "published"
        case None:
            await step.transaction("remind-editor", send_mail, EDITOR, f"{article.title!r} was not decided on")
            return "expired"
        case _:
            await step.transaction("decline", send_mail, article.author, f"{article.title!r} was declined")
            return "declined"


def save_draft(article: ArticleSubmitted) -> int:
    return Article.objects.create(title=article.title, text=article.text, author=article.author).pk


def publish(draft: int, editor: str) -> None:
    article = Article.objects.get(pk=draft)
    article.approved_by, article.published_at = editor, timezone.now()
    article.save()
    send_mail(article.author, f"{article.title!r} is published")
