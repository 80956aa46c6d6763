"""The examples: a page of stories, and their start by one click."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from console.presenters.stories import Start, Story, cards, find_story
from console.views.actions import action
from console.views.page import environment, render_page
from orchestrator.core.events import IncomingEvent
from orchestrator.core.ops import WaitKind
from orchestrator.engine.ingest import send_events
from orchestrator.engine.signals import send_signal
from orchestrator.engine.triggering import trigger
from orchestrator.models import RunEvent, Wait


@require_safe
@login_required
def examples(request: HttpRequest) -> HttpResponse:
    """All stories that installed apps offer; 404 where there are none."""
    offered = cards()
    if not offered:
        raise Http404("No app that is installed here offers examples.")
    return render_page(request, "console/examples.html", {"cards": offered})


@action
def start_example(request: HttpRequest, story: str) -> HttpResponse:
    """Starts a story, or answers its run that waits; shows the run, or the event where there is not just one."""
    found = find_story(story)
    start = found and (found.reply if "reply" in request.POST else found.start)
    if found is None or start is None:
        raise Http404(f"There is no example {story}.")
    if "reply" in request.POST:
        return _reply(request, found, start)
    if start.function:
        run = trigger(start.function, dict(start.data), env=environment(request))
        messages.success(request, f"Started {start.function}.")
        return redirect("console:run", run)
    event = _send(request, start)
    runs = RunEvent.objects.filter(event=event).values_list("run", flat=True)[:2]
    return redirect("console:run", runs[0]) if len(runs) == 1 else redirect("console:event", event)


def _reply(request: HttpRequest, story: Story, reply: Start) -> HttpResponse:
    """To the newest run that waits for it."""
    kind, name = (WaitKind.SIGNAL, reply.signal) if reply.signal else (WaitKind.EVENT, reply.event)
    waits = Wait.objects.filter(env=environment(request), kind=kind, name=name)
    run = waits.order_by("-run").values_list("run", flat=True).first()
    if run is None:
        messages.error(request, f"No run waits for {name} now: start {story.title} first.")
        return redirect("console:examples")
    if reply.signal:
        send_signal(run, name, dict(reply.data), actor=request.user.get_username())
        messages.success(request, f"Sent signal {name}.")
    else:
        _send(request, reply)
    return redirect("console:run", run)


def _send(request: HttpRequest, start: Start) -> str:
    event = IncomingEvent(name=start.event, data=dict(start.data))
    [event_id] = send_events([event], env=environment(request), source="console")
    messages.success(request, f"Sent {start.event}.")
    return event_id
