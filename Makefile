# Two commands matter: `make demo` and `make test`. Both set up what they need in .venv and nowhere else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# One worker more than two cores: some tests wait, for a real Prometheus to scrape or a pod to be ready, while the others compute.
WORKERS ?= 3
OUT ?= demo-out
DAYS ?= 7

.PHONY: demo test check lint types layers unit coverage e2e bench docs derived bench-resting pictures lock clean help

help: ## this list
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.ready-run: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sim]'
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready-run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[sim,dev,docs]'
	touch $@

$(VENV)/.ready-docs: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

demo: $(VENV)/.ready-run ## a week of off-hours scaling, clean-up and the cost report on the embedded cluster; pages in demo-out/
	$(BIN)/kube-thrift demo --out $(OUT) --days $(DAYS)

test: check unit ## everything: style, types, layers, tests

check: lint types layers ## style, types and import layers only

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-dev
	$(BIN)/mypy

layers: $(VENV)/.ready-dev
	$(BIN)/lint-imports

unit: $(VENV)/.ready-dev ## the tests alone
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

coverage: $(VENV)/.ready-dev ## the tests with branch coverage, which has to be 95 %; takes half as long again
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --cov --cov-report=term:skip-covered --cov-report=html

e2e: $(VENV)/.ready-dev ## the end-to-end suite; on a real cluster with KUBECONFIG=path (in namespaces it makes and removes itself)
	$(BIN)/pytest tests/e2e $(if $(KUBECONFIG),--kubeconfig $(KUBECONFIG))

bench: $(VENV)/.ready-dev ## time, peak memory and API requests as the fleet grows
	$(BIN)/python -m benchmarks.downscaler
	$(BIN)/python -m benchmarks.writes
	$(BIN)/python -m benchmarks.janitor
	$(BIN)/python -m benchmarks.report

docs: $(VENV)/.ready-docs ## the documentation as a site in site/; fails for a broken link, anchor or navigation entry
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

derived: $(VENV)/.ready-dev ## what is made from other files: the chart's README, schema, rights and dashboards, and docs/manifests/
	$(BIN)/python -m charts.generate
	$(BIN)/python -m charts.dashboards
	$(BIN)/python docs/manifests.py

bench-resting: $(VENV)/.ready-dev ## a day with --max-interval against a day of polling; takes some minutes
	$(BIN)/python -m benchmarks.resting

pictures: $(VENV)/.ready-dev ## the README's pictures, from the pages of `make demo` (needs Chromium and its driver)
	$(BIN)/python docs/screenshots.py $(OUT)/report docs/pictures

lock: $(VENV)/.ready-dev ## refresh constraints.txt (everything) and requirements.lock (the image, with hashes)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --no-emit-index-url --no-header --no-annotate --all-extras --python-version 3.11 pyproject.toml -o constraints.txt
	$(BIN)/uv pip compile --quiet --upgrade --no-emit-index-url --no-header --no-annotate --generate-hashes --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --no-emit-index-url --no-header --no-annotate --generate-hashes --python-version 3.11 requirements-build.in -o requirements-build.lock

clean: ## remove what the targets above made
	rm -rf $(VENV) $(OUT) site htmlcov .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
