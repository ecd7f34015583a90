# The front door. Each goal installs what is missing, configures and builds, then runs.
# CMake presets do the work; HACKING.md lists them.

PROGRAM := build/release/bin/overparam
CONFIGURE := cmake --preset release --log-level=WARNING -DOVERPARAM_BUILD
BUILD := cmake --build --preset release

.PHONY: demo build test bench clean

## Trains a network on generated digits and writes a report (about a minute after the build).
demo: build
	@$(PROGRAM) demo

## Leaves the program at build/release/bin/overparam.
build:
	@scripts/install-dependencies.sh build
	@$(CONFIGURE)_TESTS=OFF -DOVERPARAM_BUILD_EXAMPLES=OFF
	@$(BUILD) --target overparam_app

## Builds everything and runs every test but those labelled `slow`.
test:
	@scripts/install-dependencies.sh build test
	@$(CONFIGURE)_TESTS=ON -DOVERPARAM_BUILD_EXAMPLES=ON
	@$(BUILD)
	@ctest --preset all --label-exclude slow

## Measures the library, and the same work in PyTorch beside it.
bench:
	@scripts/install-dependencies.sh build bench
	@$(CONFIGURE)_BENCHMARKS=ON -DOVERPARAM_BUILD_TESTS=OFF -DOVERPARAM_BUILD_EXAMPLES=OFF
	@$(BUILD) --target overparam_bench overparam_bench_worker overparam_bench_kernel_worker
	@env -u OPENBLAS_CORETYPE build/release/bin/overparam_bench
	@python3 bench/compare.py build/release/bin
	@python3 bench/compare_kernels.py build/release/bin

clean:
	@rm -rf build
