# The commands of the README. PYTHON=python3.12 names the interpreter, VENV=folder the environment; nothing but
# installing packages uses the network. What was done is remembered by content, so a second run takes seconds.

PYTHON ?= python3
VENV ?= .venv
PYTEST ?=
FUZZ_SECONDS ?= 60
SENTINEL_CAPTURES ?= $(abspath $(wildcard ../shared/captures))
export SENTINEL_CAPTURES

BIN := $(abspath $(VENV))/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := SENTINEL_PURE=1 $(PIP) install --quiet --constraint constraints.txt --no-build-isolation
digest = $(shell { $(1); } 2>&1 | sha256sum | cut -c1-12)

# Names of files that stand for a state: the interpreter and pins installed, the sources compiled.
PINS := $(call digest,$(PYTHON) -VV; cat constraints.txt setup.cfg pyproject.toml)
SOURCES := $(call digest,echo $(PINS); cat setup.py sentinel/wire/*.py sentinel/wire/*.pxd parsers/*.p[yx]*)
CORE := $(VENV)/installed-core-$(PINS)
REPORT := $(VENV)/installed-report-$(PINS)
DEV := $(VENV)/installed-dev-$(PINS)
FUZZ := $(VENV)/installed-fuzz-$(PINS)
BUILT := build/compiled-$(SOURCES)
WHEELS := build/wheels-$(PINS)

# The files of the tree as git sees them, without anything that was built.
EXPORT = git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | \
	tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C

.PHONY: run build test test-compiled test-pure test-cluster lint bench bench-assess soak faults scale volume fuzz docs matrix wheel bundle constraints clean elasticsearch kibana

run: $(BUILT) $(REPORT)
	@$(BIN)/sentinel demo --case build/demo-case -o build/demo-report

build: $(BUILT)

$(CORE):
	@sh tools/prerequisites.sh $(PYTHON)
	@echo "Installing pinned packages into $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --quiet --constraint constraints.txt setuptools Cython
	@$(INSTALL) --editable .
	@touch $@

$(REPORT): $(CORE)
	@echo "Installing what the report needs ..."
	@$(INSTALL) --editable '.[report]'
	@sh tools/fonts.sh $(BIN)/python
	@touch $@

$(DEV): $(REPORT)
	@echo "Installing what the tests need ..."
	@$(INSTALL) --editable '.[dev,lab,oracle,report,sensor,cluster]'
	@# it says that it wants an older pySigma, and works with ours: tests/test_sinks_elasticsearch.py
	@$(INSTALL) --no-deps pysigma-backend-elasticsearch
	@touch $@

$(FUZZ): $(DEV)
	@$(INSTALL) --editable '.[fuzz]'
	@touch $@

$(BUILT): $(CORE)
	@echo "Compiling the core ..."
	@mkdir -p build
	@$(BIN)/python setup.py --quiet build_ext --inplace >build/compile.log 2>&1 || { cat build/compile.log >&2; exit 1; }
	@# bytecode too: where PYTHONDONTWRITEBYTECODE is set, each command would translate its modules anew, a tenth of a second
	@$(BIN)/python -m compileall -q sentinel parsers
	@rm -f build/compiled-*
	@touch $@

# Both legs run every test: compiled as it ships, and uncompiled with branch coverage.
test: $(DEV) $(BUILT) $(WHEELS)
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target lint test-compiled test-pure

test-compiled: $(DEV) $(BUILT) $(WHEELS)
	SENTINEL_PURE=0 $(BIN)/python -m pytest $(PYTEST)

test-pure: $(DEV)
	@rm -rf build/pure && mkdir -p build/pure && $(EXPORT) build/pure
	cd build/pure && SENTINEL_PURE=1 PYTHONPATH=. $(BIN)/python -m pytest --cov $(PYTEST)

# Worker processes that are started, killed and stopped: apart from the others, for it takes what time the machine takes.
test-cluster: $(DEV) $(BUILT)
	SENTINEL_CLUSTER_TESTS=1 $(BIN)/python -m pytest tests/test_cluster.py

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(DEV) $(BUILT)
	$(BIN)/python benchmarks/run.py $(BENCH)

# As root: a sender with a ring of its own against a running sensor; prints what was lost. SOAK="300000:600" names rates.
soak: $(DEV) $(BUILT)
	$(BIN)/python benchmarks/soak.py $(SOAK)

# As root (a full disk is a small tmpfs): faults of every kind under a running sensor; writes docs/reliability.md.
faults: $(DEV) $(BUILT)
	$(BIN)/python benchmarks/faults.py $(FAULTS)

bench-assess: $(DEV) $(BUILT)
	$(BIN)/python benchmarks/assess.py

# Speed-up and overhead of several processes; writes the numbers into docs/scale.md.
scale: $(DEV) $(BUILT)
	$(BIN)/python benchmarks/scale.py --write $(SCALE)

# Bytes of a case by table, as analysed and after reads were counted; writes docs/volume.md.
volume: $(DEV) $(BUILT)
	$(BIN)/python benchmarks/volume.py $(VOLUME)

fuzz: $(FUZZ) $(BUILT)
	$(BIN)/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# A real server on loopback until Ctrl-C; needs Java, and Maven to fetch it.
elasticsearch:
	@$(PYTHON) tests/elastic_server.py

# Data views and dashboard of rulesets/kibana, from the schema.
kibana: $(CORE)
	PYTHONPATH=. $(BIN)/python tools/kibana.py

docs: $(CORE)
	PYTHONPATH=. $(BIN)/python docs/generate.py

# Builds and tries the tree with every Python found, each in a copy of its own; VERSIONS="3.12 3.13" names some.
matrix:
	@sh tools/matrix.sh

wheel: $(BUILT)
	@find build/lib* -type f ! -name '*.so' -delete
	$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# What a bundle installs beside Sentinel, pip included: Debian's Python brings none. Of Sentinel only the names of its
# requirements are wanted here.
$(WHEELS): $(CORE)
	@echo "Fetching the wheels for a bundle ..."
	@rm -rf build/wheels-*
	@SENTINEL_PURE=1 $(PIP) wheel --quiet --constraint constraints.txt --no-build-isolation --wheel-dir $@.part \
		'.[sensor,report]' "pip==$$($(BIN)/python -c 'import pip; print(pip.__version__)')"
	@rm $@.part/sentinel_ics-*.whl && mv $@.part $@

# An installation for a machine without a network: dist/sentinel-VERSION-linux-MACHINE-cpXY.tar.gz. KEY=file signs it.
bundle: $(DEV) $(WHEELS) wheel
	@$(BIN)/python tools/bundle.py --wheels $(WHEELS) $(if $(KEY),--key $(KEY))

# Renews constraints.txt: the newest releases that setup.cfg allows, as the oldest supported Python resolves them.
constraints:
	@sh tools/constraints.sh $(PYTHON)

clean:
	rm -rf build dist .venv *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find sentinel parsers -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
