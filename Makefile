# `make check` is what has to pass before a change lands; `.ci/run` does the same on a clean copy of the tree.
PYTHON = .venv/bin/python

.PHONY: check test deep references lint format bench golden clean

check: test lint

test deep references lint format bench golden: | .venv

.venv:
	python3 -m venv .venv
	.venv/bin/python -m pip install -q -e ".[dev]"

test:
	$(PYTHON) -m pytest -q -n auto

# a hundred thousand new examples of correct derivatives, none of which may be called wrong, and the course's longest
# runs: about an hour on two cores
deep:
	HYPOTHESIS_PROFILE=deep $(PYTHON) -m pytest -q -n auto tests/test_no_false_alarms.py tests/test_mutation_study.py tests/test_assignments.py

# values and gradients beside JAX, and beside PyTorch if it is installed, operation by operation
references:
	$(PYTHON) -m pip install -q -e ".[references]"
	HYPOTHESIS_PROFILE=deep $(PYTHON) -m pytest -q -n auto tests/test_references.py

lint:
	.ci/lint $(PYTHON)

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# the comparison with the peers that are installed; see benchmarks/
bench:
	$(PYTHON) -m benchmarks

# the committed pictures and the page of operations, made anew; look at the difference before committing it
golden:
	TINYGRAPH_GOLDEN=write $(PYTHON) -m pytest -q -p no:xdist tests/test_golden.py tests/test_ops_page.py tests/test_gallery.py tests/test_notebook.py

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis tinygraph-demo
