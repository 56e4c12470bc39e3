# Every target sets up what it needs: system packages, and .venv in this folder (see .ci/bootstrap).
#   make demo    make test    make help

JOBS ?= 2
PYTEST = .venv/bin/python -m pytest -n $(JOBS)

.PHONY: help demo test slow long lint train clean setup-demo setup-dev

help:  ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

demo: setup-demo  ## build the digits example for an STM32F746 and run it, emulated, on real images
	.venv/bin/python examples/digits/demo.py

test: setup-dev lint  ## lint, and every test but the slow ones (no board is needed)
	$(PYTEST) -m "not slow and not long"

slow: setup-dev  ## the slow tests
	$(PYTEST) -m slow

long: setup-dev  ## hours: a thousand random networks, 200 layers of all packed widths on every emulated core
	$(PYTEST) -m long

lint: setup-dev  ## ruff
	.venv/bin/ruff check .

train: setup-dev  ## train the digits example again (installs TensorFlow)
	.venv/bin/python -m pip install --quiet --editable '.[train]'
	.venv/bin/python examples/digits/train.py

clean:  ## remove what was built; .venv stays
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

setup-demo:
	@.ci/bootstrap verify

setup-dev:
	@.ci/bootstrap dev
