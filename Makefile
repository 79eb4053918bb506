# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet "scikit-build-core>=0.11" "nanobind>=2.9" "cmake>=3.20" ninja
	touch $@

.PHONY: build
build: $(VENV)/ready
	flock $(VENV)/build.lock $(BIN)/pip install --quiet --no-build-isolation --no-deps -e .
