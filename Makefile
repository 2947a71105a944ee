# The commands of this project. Each is a script in scripts/; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-all test-real fuzz soak wheels deb docs coverage check format bench clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install what building and testing need (apt packages, a Python environment in .venv)
	@scripts/setup.sh

build: ## compile the library, the program aiperf-cpp, the Python module and the tests
	@scripts/build.sh

demo: ## build, start the mock server, benchmark it, show the numbers, stop everything
	@scripts/demo.sh

test: ## the C++ and the Python tests
	@scripts/test.sh

test-all: ## test, the C++ tests under sanitizers, slow tests, fuzzers, a real LLM server, check
	@scripts/test_all.sh

test-real: ## benchmark a real LLM server (builds one on first use: minutes; REAL=vllm: 6 GB)
	@scripts/test_real.sh

fuzz: ## search for inputs that break a parser, AIPERF_FUZZ_SECONDS (600) for each of the targets
	@scripts/fuzz.sh

soak: ## 200 short runs with kills, stops, signals and full disks at random instants (minutes)
	@scripts/soak.sh

wheels: ## manylinux wheels and the source distribution in dist/, each tried in a bare environment (minutes)
	@scripts/wheels.sh

deb: ## Debian packages in dist/, tried in an empty folder (minutes)
	@scripts/deb.sh

docs: ## the public headers as web pages, in build/docs/html
	@scripts/docs.sh

coverage: ## line coverage of include/, src/ and python/ (builds all anew: minutes)
	@scripts/coverage.sh

check: ## formatters, linters, type checks (TIDY=all: clang-tidy on every file, not only changed ones)
	@scripts/check.sh

format: ## rewrite the sources as the formatters want them
	@scripts/check.sh --fix

bench: ## compare with other load generators on this machine (ARGS=send-accuracy: sends against their schedule; ARGS=peers: other tools)
	@scripts/bench.sh $(ARGS)

clean: ## remove everything that was built (not .venv)
	@rm -rf build build-* artifacts dist
