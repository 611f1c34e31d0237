# The wallet's pages and the small server for them. Build from the repository's root.
FROM node:22-slim AS pages
WORKDIR /ui
COPY wallet_app/ui/package.json wallet_app/ui/package-lock.json ./
RUN npm ci --no-fund --no-audit
COPY wallet_app/ui ./
RUN npm run build

FROM python:3.12-slim
COPY docker/requirements-broker.lock /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements-broker.lock && rm /tmp/requirements-broker.lock
RUN useradd --system --no-create-home --shell /usr/sbin/nologin tongguan
WORKDIR /app
COPY broker broker
COPY wallet_app/*.py wallet_app/
COPY --from=pages /ui/dist wallet_app/ui/dist
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER tongguan
EXPOSE 8401
ENTRYPOINT ["python", "-m", "broker.cli", "wallet", "serve", "--host", "0.0.0.0", "--port", "8401"]
