# A gate: vision and inference, no web server, no database. Build from the repository's root:
#   docker build -f docker/gate.Dockerfile -t tongguan-gate .
# The image holds neither models nor a camera. The models (what `tongguan models build` made, or a copy) are mounted at /models,
# the camera is passed in, and the home is a volume. Enrol once, then run:
#   docker run --rm -v gate:/var/lib/gate tongguan-gate enrol --home /var/lib/gate --broker https://broker... --code CODE
#   docker run -v gate:/var/lib/gate -v /path/to/models:/models:ro --device /dev/video0 \
#     --group-add "$(stat -c %g /dev/video0)" tongguan-gate run --home /var/lib/gate --frames camera:0
# The doors of this version are simulated.
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
