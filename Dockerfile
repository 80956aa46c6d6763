# One image for all processes: web, scheduler, worker. docs/deploying.md says how they belong together.
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r requirements.txt
COPY manage.py ./
COPY orchestrator orchestrator
COPY console console
COPY templates templates
COPY static static
COPY examples examples
# The key is for this command only: nothing of it stays in the image.
RUN SIGNALBOX_ENV=production SECRET_KEY=build ALLOWED_HOSTS=build SIGNALBOX_HOME=/tmp/home STATIC_ROOT=/app/collected \
    /venv/bin/python manage.py collectstatic --noinput -v0

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/signalbox signalbox
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SIGNALBOX_ENV=production SIGNALBOX_HOME=/var/lib/signalbox STATIC_ROOT=/app/collected
USER signalbox
VOLUME /var/lib/signalbox
EXPOSE 8000
CMD ["daphne", "-v", "0", "-b", "0.0.0.0", "-p", "8000", "console.asgi:application"]
