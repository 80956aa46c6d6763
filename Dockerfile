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
# No process may write here, so each would compile all modules anew at its start. By hash: times change when files move.
RUN /venv/bin/python -m compileall -q --invalidation-mode checked-hash .

FROM python:3.12-slim
RUN groupadd --gid 10001 signalbox \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/signalbox signalbox \
    && install --directory --owner 10001 --group 10001 --mode 700 /var/lib/signalbox
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SIGNALBOX_ENV=production SIGNALBOX_HOME=/var/lib/signalbox STATIC_ROOT=/app/collected
# By number: Kubernetes cannot tell from a name that it is not root's.
USER 10001:10001
VOLUME /var/lib/signalbox
EXPOSE 8000
CMD ["daphne", "-v", "0", "-b", "0.0.0.0", "-p", "8000", "console.asgi:application"]
