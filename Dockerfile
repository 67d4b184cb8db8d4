# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/collab
ENV PATH=/opt/collab/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
COPY . .
RUN --mount=type=cache,target=/root/.cache/pip pip install .
ENV STATIC_ROOT=/opt/collab/static
# With a list of hashed files, even an empty one, the site's settings choose the storage that hashes
# and compresses; collectstatic then writes the real list.
RUN mkdir -p "$STATIC_ROOT" \
    && printf '{"version": "1.1", "paths": {}, "hash": ""}' > "$STATIC_ROOT/staticfiles.json" \
    && collab collectstatic --noinput --data /tmp

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /home/collab collab \
    && install --directory --owner collab --group collab --mode 0700 /data
COPY --from=build /opt/collab /opt/collab
COPY deploy/set-up.sh deploy/healthcheck.py /opt/collab/bin/
ENV PATH=/opt/collab/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STATIC_ROOT=/opt/collab/static \
    COLLAB_DATA_DIR=/data
USER collab
WORKDIR /home/collab
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "/opt/collab/bin/healthcheck.py"]
CMD ["collab", "serve", "--host", "0.0.0.0"]
