# The chores, for people and for CI. Each target sets up what it needs in .venv.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: demo test test-slow test-app check bench clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,video,onnx]'
	touch $@

.venv/app: .venv/installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,video,onnx,app,browser,tsne]'
	touch $@

demo: .venv/installed
	rm -rf demo
	$(BIN)/resynth demo

test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

test-slow: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

# The explorer, in Chromium where it is installed.
test-app: .venv/app
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/test_explorer.py tests/test_browser.py tests/test_space.py

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/bench: .venv/installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,video,onnx,bench]'
	touch $@

# Textbook, ours, a peer's and the limit: about ten minutes on two cores.
bench: .venv/bench
	$(BIN)/resynth bench --compile both --out benchmarks/results/bench.json

clean:
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
