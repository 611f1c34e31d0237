#!/bin/sh
# Make the home on first start, then run the broker as process 1, so that it receives the signal to stop.
# The database: TONGGUAN_DATABASE_URL as it stands, else made from DATABASE_HOST and DATABASE_PASSWORD, else the embedded one.
set -eu
if [ -z "${TONGGUAN_DATABASE_URL:-}" ] && [ -n "${DATABASE_HOST:-}" ]; then
    : "${DATABASE_PASSWORD:?set DATABASE_PASSWORD}"
    password=$(python -c 'import os, urllib.parse; print(urllib.parse.quote(os.environ["DATABASE_PASSWORD"], safe=""))')
    export TONGGUAN_DATABASE_URL="postgresql://tongguan:$password@$DATABASE_HOST/tongguan"
    unset password DATABASE_PASSWORD
fi
if [ ! -e "$TONGGUAN_HOME/broker.toml" ]; then
    python -m broker.cli broker init --issuer "${TONGGUAN_ISSUER:?set TONGGUAN_ISSUER to the public address}" \
        --wallet "${TONGGUAN_WALLET_ADDRESS:?set TONGGUAN_WALLET_ADDRESS to the public address of the wallet}"
fi
exec python -m broker.cli broker run --host 0.0.0.0 --port 8400 --workers "${TONGGUAN_WORKERS:-2}" "$@"
