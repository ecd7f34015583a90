# The front door. Each goal installs what is missing, configures and builds, then runs.
# CMake presets do the work; HACKING.md lists them.

PROGRAM := build/release/bin/overparam
CONFIGURE := cmake --preset release --log-level=WARNING -DOVERPARAM_BUILD
BUILD := cmake --build --preset release

.PHONY: demo build test bench bench-long bench-programs clean

## Trains a network on generated digits and writes a report (about half a minute after the build).
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

## Measures the library, and the same work in PyTorch beside it; writes docs/benchmarks.md (about 45
## minutes on an idle machine). DATA=PATH names a folder of MNIST, ONLY="race steps" some sections.
bench: bench-programs
	@python3 bench/yardstick.py build/release/bin $(if $(DATA),--data $(DATA)) $(if $(ONLY),--only $(ONLY))

## Its runs of thousands of samples, which take about three hours.
bench-long: bench-programs
	@python3 bench/yardstick.py build/release/bin $(if $(DATA),--data $(DATA)) --long

bench-programs:
	@scripts/install-dependencies.sh build bench
	@$(CONFIGURE)_BENCHMARKS=ON -DOVERPARAM_BUILD_TESTS=OFF -DOVERPARAM_BUILD_EXAMPLES=OFF
	@$(BUILD) --target overparam_app overparam_bench_worker \
	  overparam_bench_kernel_worker overparam_bench_landscape_worker overparam_bench_phase_worker

clean:
	@rm -rf build
