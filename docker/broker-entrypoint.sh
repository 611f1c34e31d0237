#!/bin/sh
# Make the home on first start, then run the broker as process 1, so that it receives the signal to stop.
set -eu
if [ ! -e "$TONGGUAN_HOME/broker.toml" ]; then
    python -m broker.cli broker init --issuer "${TONGGUAN_ISSUER:?set TONGGUAN_ISSUER to the public address}" \
        --wallet "${TONGGUAN_WALLET_ADDRESS:?set TONGGUAN_WALLET_ADDRESS to the public address of the wallet}"
fi
exec python -m broker.cli broker run --host 0.0.0.0 --port 8400 --workers "${TONGGUAN_WORKERS:-2}" "$@"
