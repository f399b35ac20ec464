# `make demo` and `make test` do all the set-up there is. They need make and Python 3.11 or newer with venv, nothing else.
# Where Node and npm are, `make test` installs Customer.io's Node SDKs; where Go is, `make tools` builds helm, kubeconform and
# Vault. What a machine lacks, the tests skip by name.

PYTHON ?= python3
# A version manager's shim is on PATH and may run nothing, so each program is asked for its version.
runs = $(shell "$(1)" $(2) >/dev/null 2>&1 && command -v "$(1)")
ifndef GO
GO := $(or $(call runs,go,version),$(call runs,/usr/local/go/bin/go,version))
endif
ifndef NPM
NPM := $(if $(call runs,node,--version),$(call runs,npm,--version))
endif

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
TOOLS := $(patsubst tests/tools/%/go.mod,.tools/bin/%,$(wildcard tests/tools/*/go.mod))
BASE := $(if $(shell command -v debootstrap),$(if $(filter 0,$(shell id -u)),.tools/python-base.tar))
NODE_SDKS := $(patsubst %/package-lock.json,%/node_modules/.installed,$(wildcard tests/sdk/package-lock.json))
PYTHON_SDKS := $(patsubst requirements-sdk-%.lock,.tools/sdk/%/.installed,$(wildcard requirements-sdk-*.lock))
# Peers of the bench that need an environment of their own get one once ARGS asks for them, by name or with `--peers all`.
BENCH_PEERS := $(patsubst requirements-bench-%.lock,%,$(wildcard requirements-bench-*.lock))
BENCH_ASKED := $(if $(findstring --peers,$(ARGS)),$(filter $(BENCH_PEERS) all,$(subst =, ,$(ARGS))))
# A worker on each core, four at most, so that no machine starts a crowd of servers at once. What ARGS narrows starts without
# any, because each would first collect every test; WORKERS=auto gives it them all the same. A worker takes tests from the end of
# what another has left.
WORKERS ?= $(if $(ARGS),0,auto)
SPREAD := --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal

# With COMPILED=1, make has the wheel of this platform unpacked here, and Python finds it before the checkout.
COMPILED_HERE := $(if $(COMPILED),.tools/compiled/.installed)
BEFORE_CHECKOUT := PYTHONSAFEPATH=1 PYTHONPATH="$(CURDIR)/.tools/compiled"

# pytest rewrites what it runs, and keeps that beside Python's own bytecode; without it every worker does all of it every time.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo test check fuzz soak bench evaluate wheel install sdk gates tools lock upgrade docs

help:
	@echo "make demo     the sidecar between the official SDK and a simulated Customer.io"
	@echo "make test     every test that this machine can run, on each core; ARGS='-k drain' passes options to pytest"
	@echo "              COMPILED=1 runs them against the compiled package; 'make bench COMPILED=1' measures it too"
	@echo "make check    style, types, floors, secrets, Dockerfile, locks"
	@echo "make fuzz     attacks the sidecar with cases made from a seed; SECONDS=120, ARGS='--seed 7 body' chooses"
	@echo "make soak     1,000 rotations of keys and 500 reloads under SDKs that never stop calling; then the fuzzer, twenty minutes a target"
	@echo "make bench    throughput and latency beside other proxies (needs wrk and nginx); ARGS='--tls --peers all' widens it"
	@echo "make evaluate what detectors find in labelled texts, beside Microsoft Presidio; ARGS=--docs writes it into the page"
	@echo "make wheel    the compiled package for this platform (needs a C compiler)"
	@echo "make tools    what tests of chart, stores and image need: helm, kubeconform, Vault (with Go), a base image (with debootstrap)"
	@echo "make lock     writes the requirements*.lock files; make upgrade takes the newest versions"
	@echo "make docs     writes what the pages, the README and the chart take over from the program"

demo: install
	@$(BIN)/cio-sidecar demo

test: install extras sdk $(COMPILED_HERE)
	@$(if $(COMPILED),$(BEFORE_CHECKOUT)) $(BIN)/python -m pytest $(SPREAD) $(if $(COMPILED),--override-ini pythonpath=) $(ARGS)

check: install extras gates
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	.ci/secrets
	$(BIN)/hadolint Dockerfile
	.ci/locks check
	$(BIN)/python helm/values_schema.py --check

# 1,000 rotations and 500 reloads under load, which take about a quarter of an hour; then each target of the fuzzer for twenty minutes.
soak: install extras sdk
	@SOAK_ROTATIONS=1000 SOAK_RELOADS=500 $(BIN)/python -m pytest tests/sdk/test_rotation.py tests/sdk/test_reload.py \
		tests/flows/test_reload.py $(ARGS)
	@$(BIN)/python -m tests.fuzz --each 1200 --seed "$$(date +%s)"

# SECONDS for all targets together. What is found stands in tests/fuzz/corpus afterwards, where `make test` runs it again.
SECONDS := 120
fuzz: install extras $(COMPILED_HERE)
	@$(if $(COMPILED),$(BEFORE_CHECKOUT):"$(CURDIR)") $(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

bench: install $(COMPILED_HERE) $(patsubst %,.tools/bench/%/.installed,$(if $(filter all,$(BENCH_ASKED)),$(BENCH_PEERS),$(BENCH_ASKED)))
	@$(BIN)/python -m bench $(ARGS)

evaluate: install extras .tools/bench/presidio/.installed
	@$(BIN)/python -m bench.detect $(ARGS)

wheel: install .venv/.compiler
	HATCH_BUILD_HOOK_ENABLE_CUSTOM=true $(BIN)/hatchling build --target wheel --directory dist
	@echo "Wrote $$(ls -t dist/*.whl | head -n 1)"

install: .venv/.installed
extras: .venv/.extras
gates: .venv/.gates
tools: $(if $(GO),$(TOOLS)) $(BASE)
sdk: $(PYTHON_SDKS) $(if $(NPM),$(NODE_SDKS))

lock: gates
	.ci/locks write
upgrade: gates
	.ci/locks write --upgrade
docs: install extras
	$(BIN)/python -m proxy.api.reference > docs/endpoints.md
	$(BIN)/python -m proxy.config.reference > docs/configuration.md
	$(BIN)/python -m proxy policy schema > config/policies/policy.schema.json
	$(BIN)/python -m proxy policy schema --cases > config/policies/cases.schema.json
	$(BIN)/python helm/values_schema.py
	$(BIN)/python -m tests.readme

# The files without a suffix are stamps: what they stand for is newer than everything it is made from.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "needs Python 3.11 or newer: make PYTHON=python3.13 ...")'
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.lock requirements-build.lock requirements-dev.lock pyproject.toml | $(BIN)/python
	$(INSTALL) -r requirements.lock -r requirements-build.lock -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.extras: requirements-extras.lock requirements-emulators.lock | .venv/.installed
	$(INSTALL) -r requirements-extras.lock -r requirements-emulators.lock
	@touch $@

.venv/.compiler: requirements-compiler.lock | $(BIN)/python
	$(INSTALL) -r requirements-compiler.lock
	@touch $@

.tools/compiled/.installed: .venv/.installed .venv/.compiler hatch_build.py $(shell find proxy -name '*.py')
	rm -rf $(@D)
	HATCH_BUILD_HOOK_ENABLE_CUSTOM=true $(BIN)/hatchling build --target wheel --directory $(@D)/wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --target $(@D) $(@D)/wheel/*.whl
	@touch $@

.venv/.gates: requirements-gates.lock | $(BIN)/python
	$(INSTALL) -r requirements-gates.lock
	@touch $@

# What builds an SDK comes first, and from a lock of its own: pip would fetch it without a hash.
.tools/sdk/%/.installed: requirements-sdk-%.lock requirements-build-sdk.lock | $(BIN)/python
	$(BIN)/python -m venv --clear --without-pip $(@D)
	PIP_PYTHON=$(@D) $(INSTALL) -r requirements-build-sdk.lock
	PIP_PYTHON=$(@D) $(INSTALL) --no-build-isolation -r $<
	@touch $@

.tools/bench/%/.installed: requirements-bench-%.lock | $(BIN)/python
	$(BIN)/python -m venv --clear --without-pip $(@D)
	PIP_PYTHON=$(@D) $(INSTALL) -r $<
	@touch $@

# Vault without the clients of every database and cloud: what is left has KV, AppRole and JWT.
.tools/bin/vault: GO_TAGS := -tags=minimal

# The version of a tool is the one in its go.mod; a module each, because their requirements conflict.
.tools/bin/%: tests/tools/%/go.mod tests/tools/%/go.sum
	GOTOOLCHAIN=local GOBIN="$(CURDIR)/.tools/bin" "$(GO)" -C tests/tools/$* install $(GO_TAGS) tool
	@touch $@

.tools/python-base.tar: .ci/python-base
	.ci/python-base $@

%/node_modules/.installed: %/package-lock.json
	cd $* && "$(NPM)" ci --ignore-scripts --no-audit --no-fund
	@touch $@
