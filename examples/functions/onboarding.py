"""Onboarding: a user who creates a project is congratulated, one who does not is offered help.

The wait and the sleep take days. Meanwhile the run is a row: no thread, no timer in memory, and a restart of everything
costs it nothing.

    curl -d '{"name": "user/signed_up", "data": {"email": "ada@example.com", "name": "Ada", "pause": "1m"}}' \\
         http://127.0.0.1:8000/e/dev
    curl -d '{"name": "user/project.created", "data": {"email": "ada@example.com", "project": "Engine"}}' \\
         http://127.0.0.1:8000/e/dev
"""

from pydantic import BaseModel

from examples.mail import send_mail
from orchestrator import Context, event, function


@event("user/signed_up")
class UserSignedUp(BaseModel):
    """``pause``: how long a user is left alone."""

    email: str
    name: str
    pause: str = "3 days"


@event("user/project.created")
class ProjectCreated(BaseModel):
    email: str
    project: str


@function(on=UserSignedUp)
async def onboarding(ctx: Context[UserSignedUp]) -> str:
    """Welcomes a user, and helps those who do not get going."""
    user, step = ctx.event.data, ctx.step
    await step.transaction("welcome", send_mail, user.email, f"Welcome, {user.name}!")
    created = await step.wait_for_event("first-project", ProjectCreated, match="data.email", timeout=user.pause)
    if created is None:
        await step.transaction("offer-help", send_mail, user.email, "Can we help you with your first project?")
        return "was offered help"
    await step.transaction("congratulate", send_mail, user.email, f"{created.data.project} looks good!")
    await step.sleep("let-it-grow", user.pause)
    await step.transaction("ask-for-opinion", send_mail, user.email, f"How is {created.data.project} doing?")
    return f"created {created.data.project}"
