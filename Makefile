# Everything here needs only Python (>= 3.11), git, make and a C++ compiler.
#
#   make demo    convert and run the bundled demonstration network
#   make test    style, types and tests, the numeric ones as other processors compute too
#   make lint    style and types only
#   make install-test  build, install into empty environments, and use it there
#   make bench   measure the figures of the benchmarks
#   make docs    the site, in build/docs; a broken link or a name that does not exist is an error
#   make install the environment .venv alone (the others call it)
#   make clean   remove caches and builds; `make distclean` removes .venv too

PYTHON  ?= python3
WORKERS ?= 2

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.isospike-installed
ENSURE := $(BIN)/pip

# Tests whose outcome may depend on the order in which floats are added.
NUMERIC := $(addprefix tests/,kernels calibrate costs diagnosis laws measure pooling references refine executors)

# $(call retry,COMMAND): run COMMAND, and once more when it fails (a download may break off).
retry = { $(1); } || { echo "make: failed, trying once more in 5 s" >&2; sleep 5; $(1); }

.DEFAULT_GOAL := install
.PHONY: install demo test test-avx2 test-default lint install-test bench docs clean distclean

# Python keeps what it compiles: else every process compiles 2,500 modules of torch anew, for ten seconds.
unexport PYTHONDONTWRITEBYTECODE
# One compute thread per worker: WORKERS processes of two threads each would fight over two cores.
test test-avx2 test-default: export OMP_NUM_THREADS = 1

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/isospike demo

# A file stays with one worker, and so do the networks that its tests share.
test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
	$(MAKE) -j $(WORKERS) --output-sync --no-print-directory test-avx2 test-default docs

# Every numeric test, with a share of its cases, as on a processor without AVX-512, and as on one without AVX2: torch, its
# libraries and our kernels add in another order there.
test-avx2: $(STAMP)
	ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 \
	    $(BIN)/python -m pytest --share 6 $(NUMERIC)

test-default: $(STAMP)
	ATEN_CPU_CAPABILITY=default MKL_ENABLE_INSTRUCTIONS=SSE4_2 ONEDNN_MAX_CPU_ISA=SSE41 \
	    $(BIN)/python -m pytest --share 12 $(NUMERIC)

install-test: $(STAMP)
	$(BIN)/python tests/install/check_install.py

# Anew each time: what Sphinx finds in its cache it warns of no more.
docs: $(STAMP)
	$(BIN)/python -m sphinx -q -W --keep-going -E -a -c docs -d build/doctrees . build/docs
	@echo "open build/docs/index.html"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

# pip is what `python -m venv` writes last, so an environment broken off half way is made again.
$(ENSURE):
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	    "isospike needs Python >= 3.11, found " + sys.version.split()[0] + "; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

# The stamp lies inside .venv: it goes when the environment goes.
$(STAMP): pyproject.toml constraints.txt | $(ENSURE)
	test -x $(BIN)/uv || $(call retry,$(BIN)/python -m pip install -c constraints.txt uv)
	$(call retry,$(BIN)/uv pip install --python $(BIN)/python -c constraints.txt \
	    -b constraints.txt -e '.[all$(COMMA)dev]')
	touch $@

COMMA := ,

clean:
	rm -rf build dist docs/reference .make .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks examples docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean
	rm -rf $(VENV) .venv-spikingjelly
