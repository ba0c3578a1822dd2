# `make demo` and `make test` set up everything they need in $(VENV), with pip alone.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench clean

help:
	@echo "make demo    train a card on real digits, compile it for a microcontroller and an FPGA, prove it exact"
	@echo "make test    run all tests (arm-none-eabi-gcc and QEMU are used where they are installed)"
	@echo "make lint    ruff, mypy --strict, pyright"
	@echo "make bench   instruction counts of the kernels beside their peers'"

# A stamp for each set of extras, remade when the pins change. torch stands in the same command as all else, so that
# pip settles on one version of everything at once.
$(VENV)/.run: pyproject.toml
	@echo "setting up $(VENV) (a few minutes the first time)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25"
	$(BIN)/python -m pip install --disable-pip-version-check torch==2.13.0 -e ".[train,fpga,mcu]"
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --disable-pip-version-check torch==2.13.0 -e ".[train,fpga,mcu,dev]"
	@touch $@

demo: $(VENV)/.run
	$(BIN)/cardc demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/mcu/run.py

clean:
	rm -rf $(VENV) out demo-out
