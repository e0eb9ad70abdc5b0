# Two commands for a newcomer: `make demo` shows the whole product at work, `make test` proves it.
# Neither touches a cluster or a container engine that is there already.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test check unit e2e soak bench-operator bench-serving bench-training bench-console pictures up down env images bundle sbom lock docs drawings format clean-cache

export CATDOG_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/catdog
export PYTHONPATH := $(CURDIR):$(CURDIR)/client:$(CURDIR)/common:$(CURDIR)/operator:$(CURDIR)/trainer_image:$(CURDIR)/inference_image:$(CURDIR)/console
export PYTHONDONTWRITEBYTECODE := 1

VENV := $(CATDOG_CACHE)/venv-$(shell sha256sum requirements/dev.txt | cut -c1-12)
PYTHON := $(VENV)/bin/python
NAME ?= demo
# Most of a test on a cluster is waiting: lanes wait side by side, each on a cluster of its own.
LANES ?= 2
IN_LANES := --numprocesses $(LANES) --no-loadscope-reorder

help: ## say what there is to do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 24

demo: $(VENV)/ready ## train, serve, scale and train again on a local cluster, before your eyes (PHOTOS=dir: your own photos)
	@$(PYTHON) -m tests.demo

test: check unit e2e ## everything that gates; after a failure its cluster stays up to be looked into
	@$(PYTHON) -m tests.cluster down --name test

check: $(VENV)/ready ## formatting, lint, types, layers
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

unit: $(VENV)/ready ## the tests that need no cluster
	@$(PYTHON) -m pytest $(or $(TESTS),tests/unit tests/contract) $(ARGS)

e2e: $(VENV)/ready ## the tests on a real node with a real Kafka
	@$(PYTHON) -m pytest -m 'not soak' $(or $(TESTS),$(IN_LANES) tests/release tests/bare tests/e2e) $(ARGS)
	@$(if $(TESTS),:,$(PYTHON) -m pytest tests/afterwards)

soak: $(VENV)/ready ## what takes too long for `make test`: every kill, ten minutes at rest, a thousand models (TESTS=, ARGS=)
	@$(PYTHON) -m pytest -m soak $(or $(TESTS),tests) $(ARGS)

bench-operator: $(VENV)/ready ## how the operator bears 10, 100 and 1,000 models (SIZES=10,100 OUTPUT=file.json)
	@$(PYTHON) -m tests.benchmarks.operator_scale $(if $(SIZES),--sizes $(SIZES)) $(if $(OUTPUT),--output $(OUTPUT))

bench-serving: $(VENV)/ready ## how fast a worker answers, beside the lab's way, a plain consumer and the limit (QUICK=1 OUTPUT=file.json)
	@$(PYTHON) -m tests.benchmarks.serving $(if $(QUICK),--quick) $(if $(OUTPUT),--output $(OUTPUT))

bench-training: $(VENV)/ready ## how good versions are and how fast a training is, beside the lab's network (QUICK=1 ONLY=accuracy OUTPUT=file.json)
	@$(PYTHON) -m tests.benchmarks.training $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(OUTPUT),--output $(OUTPUT))

bench-console: $(VENV)/ready ## how soon the console answers, and what open pages cost (QUICK=1 OUTPUT=file.json)
	@$(PYTHON) -m tests.benchmarks.console $(if $(QUICK),--quick) $(if $(OUTPUT),--output $(OUTPUT))

up: $(VENV)/ready ## start the local cluster (NAME=demo), with Kafka and the operator in it
	@$(PYTHON) -m tests.cluster up --name $(NAME)

down: $(VENV)/ready ## stop it; nothing of it stays but the cache
	@$(PYTHON) -m tests.cluster down --name $(NAME)

env: $(VENV)/ready ## eval "$$(make -s env)": KUBECONFIG, kubectl and catdog for the local cluster
	@$(PYTHON) -m tests.cluster env --name $(NAME)

images: $(VENV)/ready ## build and push the images: REGISTRY=quay.io/you (PLATFORMS=linux/amd64,linux/arm64 BASE= SOURCE=)
	@test -n "$(REGISTRY)" || { echo 'make images REGISTRY=quay.io/you: name the registry to push to'; exit 2; }
	@$(PYTHON) -m release images --registry $(REGISTRY) $(if $(BASE),--base $(BASE)) \
	  $(if $(PLATFORMS),--platforms $(PLATFORMS)) $(if $(SOURCE),--source $(SOURCE))

bundle: $(VENV)/ready ## make the OLM bundle again, after a change of manifests, CRD or release/about.yaml
	@$(PYTHON) -m release bundle

sbom: $(VENV)/ready ## write into build/sbom what packages each image installs, as CycloneDX
	@$(PYTHON) -m release sbom

lock: $(VENV)/ready ## resolve requirements/*.in again into hashed locks
	@for name in requirements/*.in; do \
	  $(VENV)/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header \
	    --python-version 3.11 $$name -o $${name%.in}.txt; done

docs: $(VENV)/ready ## write the reference of the CatDogModel from the CRD, and that of the commands from their help
	@$(PYTHON) -m tests.crd_page
	@$(PYTHON) -m tests.command_page

drawings: $(VENV)/ready ## draw cats and dogs, where there are no photos: TO=dir (after `make up` or `make demo`)
	@test -n "$(TO)" || { echo 'make drawings TO=dir: name the folder to draw into'; exit 2; }
	@$(PYTHON) -m catdog_trainer.data.drawings $(TO)

pictures: $(VENV)/ready ## write docs/pictures anew, as the console's tests see its pages
	@mkdir -p docs/pictures
	@CATDOG_PICTURES=docs/pictures $(PYTHON) -m pytest tests/e2e/console $(ARGS)

format: $(VENV)/ready ## format the code, and mend what lint can mend
	@$(VENV)/bin/ruff format --quiet .
	@$(VENV)/bin/ruff check --quiet --fix .

clean-cache: ## remove what was built and downloaded (the local clusters must be down)
	@$(PYTHON) -m tests.cluster down --all
	rm -rf "$(CATDOG_CACHE)"

# Debian's python3 comes without venv; a machine that has it needs no apt.
$(VENV)/ready: # of the lock by its name, whatever the time stamps of a new checkout say
	@python3 -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo '· installing python3-venv'; apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	    apt-get -qq install -y --no-install-recommends python3-venv >/dev/null; }
	@mkdir -p "$(CATDOG_CACHE)"
	@exec 9>"$(VENV).lock"; flock 9; test -e "$@" && exit; \
	  echo '· installing the Python packages of requirements/dev.txt (once)'; \
	  rm -rf "$(VENV)"; python3 -m venv "$(VENV)"; \
	  "$(VENV)/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt; \
	  touch "$@"
