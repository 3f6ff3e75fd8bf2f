# The image for deploys: setu and the chain it ships, without Node, tests or a server.
#
#   docker build --tag setu .
#   docker run --rm --env DATABASE_URL setu upgrade
#
# Not built by CI, which has no Docker daemon.
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md alembic.ini requirements.txt ./
COPY alembic alembic
COPY schema schema
COPY schema_new schema_new
COPY sql sql
COPY setu setu
RUN sed -n '/==/{s/ .*//p}' requirements.txt > constraints.txt \
    && python -m venv /setu \
    && /setu/bin/pip install --no-cache-dir --constraint constraints.txt '.[metrics]'

FROM python:3.11-slim
COPY --from=build /setu /setu
# Nothing is written: the container runs with a read-only file system, as nobody in particular.
USER 65534:65534
ENV PATH=/setu/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
ENTRYPOINT ["setu"]
CMD ["status"]
