# mudda on one machine. `make help` says what there is; only Python 3.11 or later and make are needed.

VENV := .venv
PY := $(VENV)/bin/python

# Nothing of the caller's Python, Django or pytest may bend ours.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONINSPECT VIRTUAL_ENV
unexport DJANGO_SETTINGS_MODULE DJANGO_CONFIGURATION PYTEST_ADDOPTS PYTEST_PLUGINS MYPYPATH

# For the tools that load the settings: as in production, and nobody's database.
CHECKED := env -i PATH="$$PATH" HOME="$$HOME" LANG=C.UTF-8 MUDDA_ENV_FILE= SECRET_KEY=$$($(PY) -c "import secrets; print(secrets.token_urlsafe(50))") \
	DATABASE_URL=postgresql://nobody@127.0.0.1:9/none TEMPORAL_HOST=127.0.0.1:9 DEBUG=false HTTPS_ONLY=true \
	ALLOWED_HOSTS=mudda.example.org PUBLIC_URL=https://mudda.example.org OPENAI_API_KEY= EMAIL_URL=

.PHONY: help install demo up test lint snapshot messages screenshots browser tools prometheus pooler aimock image sbom audit bench fuzz chaos clean

help:
	@echo 'make demo     do the main job once, on an embedded stack of its own, and show it'
	@echo 'make up       run the whole stack until Ctrl-C: API_HOST, API_PORT, TEMPORAL_PORT, TEMPORAL_UI_PORT, MUDDA_HOME'
	@echo 'make test     everything that CI runs: lint, types, checks, the whole suite'
	@echo 'make lint     the same without the suite'
	@echo 'make snapshot keep the OpenAPI document as it is now; one that breaks clients only with BREAKING=1'
	@echo 'make messages bring the catalogues of translations in locale/ in step with the code'
	@echo 'make screenshots show every screen in docs/screenshots: ONLY=home'
	@echo 'make bench    measure everything and write docs/performance.md: WAITING=10000 runs waiting for people'
	@echo 'make fuzz     try the API against its OpenAPI document as every role and write docs/fuzz.md: SEED=1'
	@echo 'make chaos    carry plans out while everything breaks and write docs/reliability.md: RUNS=500 SEED=1'
	@echo 'make sbom     list what the image holds in mudda.cdx.json, as CycloneDX has it'
	@echo 'make audit    ask what is known against the locked packages; needs the network: OSV_URL'
	@echo 'make install  only make the environment in .venv'
	@echo 'make clean    remove caches and the demo; not .venv, not the data of `make up`'

install:
	@.ci/install $(VENV) requirements-dev.txt
	@.ci/catalogues $(VENV)

demo: install
	@exec $(PY) -m mudda.devstack.demo

up: install
	@exec $(PY) -m mudda.devstack.up

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(CHECKED) $(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(CHECKED) $(PY) manage.py check --deploy --fail-level WARNING
	$(CHECKED) $(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

messages: install
	$(CHECKED) $(PY) manage.py messages
	@.ci/catalogues $(VENV)

snapshot: install
	$(CHECKED) DJANGO_SETTINGS_MODULE=mudda.settings $(PY) -m tests.api.snapshot $(if $(BREAKING),--breaking)

# Settings are read by tests/conftest.py, once it knows the test database: not before.
test: lint browser tools prometheus pooler aimock image
	$(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile

browser:
	@.ci/need "a browser for the tests" chromium test -x /usr/bin/chromium

tools:
	@.ci/need "curl for the quick start's test" curl curl --version
	@.ci/need "jq for the quick start's test" jq jq --version
	@.ci/need "a clock to set wrong for the doctor's test" faketime sh -c 'ls /usr/lib/*/faketime/libfaketime.so.1'

prometheus:
	@.ci/need "Prometheus for the tests of its rules" prometheus promtool --version

pooler:
	@.ci/need "PgBouncer for the test behind a pooler" pgbouncer test -x /usr/sbin/pgbouncer

aimock: install
	@.ci/aimock $(VENV)/aimock

image: install
	@.ci/image $(VENV)

sbom: image
	@.ci/sbom $(VENV) mudda.cdx.json

audit: install
	@.ci/audit $(VENV)

# Looked at by people: not a part of `make test`.
screenshots: install browser
	@exec $(PY) -m tests.screenshots $(if $(ONLY),--only $(ONLY))

bench: install
	@exec $(PY) -m benchmarks $(if $(WAITING),--waiting $(WAITING))

fuzz: install
	@exec $(PY) -m tests.fuzz $(if $(SEED),--seed $(SEED))

chaos: install
	@exec $(PY) -m tests.chaos $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED))

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mudda/demo
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
