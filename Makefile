# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
#   make demo [SRC=folder]   install, then run both recipes on a phantom head, or on your own CT
#   make test                the suite, in under 10 minutes; `make quick` leaves out what is marked slow,
#                            and `make test MARKS=` runs what is marked long too, as CI does
#   make check               ruff, mypy, import-linter, the examples in the docs
#   make coverage            the whole suite with branch coverage of src; fails below 92 %
#   make build               compile the extension into an editable install
#   make nnunet              have nnU-Net check a data set that was exported for it, and compare fingerprints
#   make oldest              the whole suite with the oldest versions that pyproject.toml allows
#   make bench, make fuzz    measure; attack the parsers for long
#   make soak                kill a run of 200 cases 50 times and resume it (CASES=, KILLS=)
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
MARKS ?= not long
SRC ?=
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1 $(BIN)/python -m pip install -qq
BUILD := flock $(VENV)/build.lock env PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
	$(BIN)/python -m pip install -qq --no-build-isolation

BENCH_PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore .venv-bench/bin/python -m pip install --quiet

.PHONY: demo test quick coverage check build bench fuzz soak nnunet oldest clean
.DEFAULT_GOAL := test

# What compiles the extension; the package's own dependencies come with the package.
$(VENV)/ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	@command -v $${CXX:-c++} >/dev/null || { echo "a C++17 compiler is needed, such as g++ or clang" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) "scikit-build-core>=0.11" "nanobind>=2.9" "cmake>=3.20" ninja
	@touch $@

# A demo on a fresh machine installs as a user would; where one develops, the editable install stays one.
demo: $(VENV)/ready
	@echo "installing hounsfield"
	@$(BUILD) $(if $(wildcard $(VENV)/editable),--editable) .
	@$(BIN)/hounsfield demo $(if $(SRC),"$(SRC)")

$(VENV)/editable: $(VENV)/ready pyproject.toml CMakeLists.txt $(wildcard src/hounsfield/kernels/*.cpp src/hounsfield/kernels/*.h)
	@echo "installing hounsfield with what its tests and checks need"
	@$(BUILD) --editable ".[test,check]"
	@touch $@

test: $(VENV)/editable
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "$(MARKS)"

quick: $(VENV)/editable
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not slow"

coverage: $(VENV)/editable
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --cov --cov-report=term --cov-fail-under=92

check: $(VENV)/editable
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/test_docs.py

build: $(VENV)/ready
	$(BUILD) --no-deps --editable .

# Peers live in an environment of their own, beside the package as users install it; torch first, so that no CUDA comes.
bench:
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@echo '*' > .venv-bench/.gitignore
	@echo "installing what is measured"
	@$(BENCH_PIP) "$$(grep ^torch= benchmarks/requirements.txt)"
	@$(BENCH_PIP) -r benchmarks/requirements.txt "scikit-build-core>=0.11" "nanobind>=2.9" "cmake>=3.20" ninja
	@$(BENCH_PIP) --no-build-isolation -Cbuild-dir=build/bench .
	.venv-bench/bin/python benchmarks/bench.py $(if $(SRC),"$(SRC)")

# nnU-Net in an environment of its own; torch first, so that no CUDA comes. CI leaves this out.
nnunet: $(VENV)/editable
	@test -x .venv-nnunet/bin/python || $(PYTHON) -m venv .venv-nnunet
	@echo '*' > .venv-nnunet/.gitignore
	@echo "installing nnU-Net"
	@PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore .venv-nnunet/bin/python -m pip install --quiet torch==2.13.0
	@PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore .venv-nnunet/bin/python -m pip install --quiet nnunetv2==2.8.1
	$(BIN)/python -m pytest -q -rs tests/dataset/export/test_nnunet.py

# uv resolves to the lowest versions, which pip cannot. The bounds in pyproject.toml are what passed here.
oldest:
	@test -x .venv-oldest/bin/python || $(PYTHON) -m venv .venv-oldest
	@echo '*' > .venv-oldest/.gitignore
	@echo "installing the oldest versions that are allowed"
	@PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore .venv-oldest/bin/python -m pip install --quiet uv
	.venv-oldest/bin/uv pip install --quiet --python .venv-oldest/bin/python --resolution lowest-direct ".[test]"
	.venv-oldest/bin/python -m pytest -q -n $(WORKERS) --dist worksteal

fuzz: $(VENV)/editable
	$(BIN)/python -W ignore -m tests.fuzz 10000

CASES ?= 200
KILLS ?= 50
soak: $(VENV)/editable
	$(BIN)/python -W ignore -m tests.soak --cases $(CASES) --kills $(KILLS)

clean:
	rm -rf build dist demo $(VENV)
