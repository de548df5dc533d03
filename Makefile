# make demo      from nothing to a proven lost write (needs Python 3.11 or newer)
# make test      every test this machine can run; says why it skips others
# make check     ruff, mypy --strict, tidy
# make install   the environment in .venv, for use and for tests

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install demo test test-fast check format bench oracle clean

install: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,fast,scale]'
	@touch $@

demo: install
	@$(BIN)/splitbrain demo

# Fast tests first, side by side; then those that start processes and containers, one at a time.
test: install
	$(BIN)/pytest -n auto -m "not process and not docker and not toxiproxy"
	$(BIN)/pytest -m "process or toxiproxy or docker" -ra

test-fast: install
	$(BIN)/pytest -n auto -m "not process and not docker and not toxiproxy and not slow"

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/tidy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Each prints its figures and what they are measured against; together they take some minutes.
bench: install
	for name in simulation reading linearizability transactions isolation classic dynamo; do \
	  $(BIN)/python benchmarks/$$name.py || exit 1; done

# A million small histories and more of each family against brute force; an hour or two.
oracle: install
	DYNAMO_CASES=1000000 CLASSIC_ORACLE_CASES=1200000 SPLITBRAIN_ISOLATION_CASES=100000 \
	SPLITBRAIN_TXN_CASES=240000 SPLITBRAIN_ORACLE_CASES=50000 \
	  $(BIN)/pytest -n auto tests/property/test_dynamo_oracle.py tests/property/test_classic_oracle.py \
	  tests/property/test_isolation_oracle.py tests/property/test_txn_oracle.py tests/property/test_linear_oracle.py

clean:
	rm -rf .venv dist build .cache
