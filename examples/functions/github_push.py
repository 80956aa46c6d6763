"""GitHub webhook: one signed delivery, one stored event, three functions that know nothing of each other.

The address is ``/webhooks/github`` (examples/webhooks.py); docs/examples.md says how to set it up. What a delivery
stores is an event like any other, and can be sent by hand, too.
"""

from pydantic import BaseModel

from examples.mail import send_mail
from examples.models import Commit
from orchestrator import Context, event, function

TEAM = "team@example.com"
LONGEST_SUBJECT = 72  # characters


class Repository(BaseModel):
    full_name: str
    default_branch: str = "main"


class Author(BaseModel):
    name: str
    email: str = ""


class PushedCommit(BaseModel):
    id: str
    message: str
    author: Author

    @property
    def subject(self) -> str:
        return self.message.split("\n", 1)[0]


@event("github/push")
class Push(BaseModel):
    """What GitHub says of a push; it says more, which is stored, too."""

    ref: str
    repository: Repository
    commits: list[PushedCommit] = []


@function(on=Push)
async def record_commits(ctx: Context[Push]) -> int:
    """Keeps the commits of every push."""
    return await ctx.step.transaction("save-commits", save_commits, ctx.event.data)


@function(on=Push)
async def review_messages(ctx: Context[Push]) -> list[str]:
    """Writes to authors whose commit messages are hard to read."""
    advice = {commit.id: advise(commit.message) for commit in ctx.event.data.commits}
    for commit in ctx.event.data.commits:
        if said := advice[commit.id]:
            to = commit.author.email or commit.author.name
            await ctx.step.transaction(f"advise-{commit.id[:7]}", send_mail, to, f"About {commit.subject!r}", said)
    return [sha for sha, said in advice.items() if said]


@function(on=Push, if_="event.data.ref == 'refs/heads/' + event.data.repository.default_branch")
async def announce_push(ctx: Context[Push]) -> None:
    """Tells the team what has come into the default branch."""
    push = ctx.event.data
    subjects = "\n".join(f"- {commit.subject}" for commit in push.commits)
    subject = f"{len(push.commits)} new in {push.repository.full_name}"
    await ctx.step.transaction("tell-team", send_mail, TEAM, subject, subjects)


def save_commits(push: Push) -> int:
    """A push that is delivered twice, or a commit of two branches, is kept once."""
    rows = [
        Commit(sha=c.id, repository=push.repository.full_name, subject=c.subject, author=c.author.name)
        for c in push.commits
    ]
    return len(Commit.objects.bulk_create(rows, ignore_conflicts=True))


def advise(message: str) -> str:
    """What to do better next time; nothing if the message is fine."""
    subject, _, rest = message.partition("\n")
    if len(subject) > LONGEST_SUBJECT:
        return f"The first line has {len(subject)} characters; {LONGEST_SUBJECT} fit everywhere."
    if subject.endswith("."):
        return "The first line is a headline: it needs no full stop."
    if rest and not rest.startswith("\n"):
        return "Leave the second line empty, so that tools know the headline."
    return ""
