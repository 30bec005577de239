# One image for the web server, the worker and the commands, told apart by the command:
#   run_web | run_temporal_worker | migrate | load_reference_data | make_build_current | backup | ...
# `deploy/image/*` are the steps, so that the tests run the same ones where no container engine is.

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /app
COPY deploy/image/install deploy/image/install
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip deploy/image/install /app/venv
COPY deploy/image/collect deploy/image/collect
COPY manage.py ./
COPY mudda mudda/
COPY issues issues/
COPY workflows workflows/
COPY executions executions/
COPY templates templates/
COPY static static/
COPY locale locale/
RUN deploy/image/collect /app/venv /app/collected

# What `backup` and `restore` call: of the version of your server, or a later one.
FROM postgres:17.6-bookworm AS postgresql
COPY deploy/image/programs /programs
RUN /programs /usr/lib/postgresql/17/bin /app/postgresql

FROM python:3.11.14-slim-bookworm
# Nothing to install with in here; a user of its own, who owns one folder.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.11/ensurepip /usr/local/lib/python3.11/site-packages/* \
    && groupadd --gid 10001 mudda \
    && useradd --uid 10001 --gid mudda --no-create-home --home-dir /var/lib/mudda mudda \
    && install -d -o mudda -g mudda -m 0750 /var/lib/mudda
COPY --from=build /app /app
COPY --from=postgresql /app/postgresql /app/postgresql
WORKDIR /app
ENV PATH=/app/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MUDDA_ENV_FILE= \
    MUDDA_HOME=/var/lib/mudda \
    STATIC_ROOT=/app/collected \
    PG_BIN=/app/postgresql/bin \
    API_HOST=0.0.0.0 \
    API_PORT=8000 \
    WORKER_HEALTH_PORT=8001
USER 10001:10001
EXPOSE 8000 8001
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["python", "-m", "mudda.probe"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "manage.py"]
CMD ["run_web"]
