# A gate: vision and inference, no web server, no database. Build from the repository's root. Enrol it once
# (`gate enrol --home /var/lib/gate --broker URL --code CODE`), then run it with its frames and doors attached.
FROM python:3.12-slim

RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
 && rm -rf /var/lib/apt/lists/*

COPY docker/requirements-gate.lock /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements-gate.lock && rm /tmp/requirements-gate.lock

# The home exists with its owner, so that the volume is made with them.
RUN useradd --system --create-home --home-dir /var/lib/gate --shell /usr/sbin/nologin --groups video gate
WORKDIR /app
# Of the broker, only the formats both ends share and the command line.
COPY broker/__init__.py broker/
COPY broker/wire broker/wire
COPY broker/cli/__init__.py broker/cli/__main__.py broker/cli/
COPY gate_client gate_client
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TONGGUAN_MODELS=/models
USER gate
VOLUME /var/lib/gate
ENTRYPOINT ["python", "-m", "broker.cli", "gate"]
CMD ["run", "--home", "/var/lib/gate"]
