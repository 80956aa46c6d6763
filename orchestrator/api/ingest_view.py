"""The event endpoint as a Django view: for WSGI, and for projects that mount our urls in their own."""

from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from orchestrator.api.ingest_http import SEED_HEADER, Delivery, announced_length, answer_delivery


@csrf_exempt
async def ingest(request: HttpRequest, key: str) -> HttpResponse:
    """``POST /e/<key>``: takes one event or a list of them."""

    async def read(most_bytes: int) -> bytes | None:
        try:
            return bytes(request.read(most_bytes))
        except UnreadablePostError:
            return None

    delivery = Delivery(
        method=request.method or "",
        key=key,
        read=read,
        content_length=announced_length(request.headers.get("Content-Length")),
        seed=request.headers.get(SEED_HEADER),
    )
    answer = await answer_delivery(delivery)
    if answer is None:
        return HttpResponse(status=400)  # nobody reads it
    response = HttpResponse(answer.body, status=answer.status)
    del response["Content-Type"]
    for name, value in answer.headers:
        response[name] = value
    return response
