# The broker: web server, embedded PostgreSQL and the face engine that examines enrolments. Build from the repository's
# root: docker build -f docker/broker.Dockerfile .
FROM python:3.12-slim

# What OpenCV links against; PostgreSQL's binaries come with a Python package.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
 && rm -rf /var/lib/apt/lists/*

# Both locks are constrained to the same versions; the second adds vision and inference.
COPY docker/requirements-broker.lock docker/requirements-gate.lock /tmp/locks/
RUN pip install --no-cache-dir --require-hashes -r /tmp/locks/requirements-broker.lock \
 && pip install --no-cache-dir --require-hashes -r /tmp/locks/requirements-gate.lock \
 && rm -r /tmp/locks

RUN useradd --system --create-home --home-dir /var/lib/tongguan --shell /usr/sbin/nologin tongguan
WORKDIR /app
COPY broker broker
COPY connectors connectors
COPY gate_client gate_client
COPY docker/broker-entrypoint.sh /usr/local/bin/broker-entrypoint
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    TONGGUAN_HOME=/var/lib/tongguan/home TONGGUAN_MODELS=/models

USER tongguan
VOLUME /var/lib/tongguan
EXPOSE 8400
HEALTHCHECK --interval=10s --start-period=120s CMD \
    ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8400/healthz', timeout=5)"]
# PostgreSQL needs a moment to end in order.
STOPSIGNAL SIGTERM
ENTRYPOINT ["broker-entrypoint"]
