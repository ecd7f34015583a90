// SPDX-License-Identifier: Apache-2.0
// One training step beside the matrix products it cannot do without. Arguments: n, b, m, L.
#include <benchmark/benchmark.h>

#include "steps.hpp"

namespace overparam::bench {
namespace {

StepShape shape_of(const benchmark::State& state, train::Method method) {
  return {.method = method,
          .num_samples = state.range(0),
          .batch_size = state.range(1),
          .width = state.range(2),
          .depth = state.range(3)};
}

/// `steps` of the timer's own clock an iteration, with the rate of the step's products.
template <class Timer>
void measure(benchmark::State& state, const StepShape& shape) {
  Timer timer(shape);
  constexpr std::int64_t kSteps = 3;
  double seconds = 0;
  for (auto _ : state) {
    const double one = timer.seconds_per_step(kSteps);
    seconds += one;
    state.SetIterationTime(one);
  }
  const double flops = ProductTimer(shape).flops_per_step();
  state.counters["GFLOP/s"] = 1e-9 * flops * static_cast<double>(state.iterations()) / seconds;
}

void gradient_descent_step(benchmark::State& state) {
  measure<StepTimer>(state, shape_of(state, train::Method::gd));
}

void sgd_step(benchmark::State& state) {
  measure<StepTimer>(state, shape_of(state, train::Method::sgd));
}

void products_of_a_full_batch_step(benchmark::State& state) {
  measure<ProductTimer>(state, shape_of(state, train::Method::gd));
}

void products_of_an_sgd_step(benchmark::State& state) {
  measure<ProductTimer>(state, shape_of(state, train::Method::sgd));
}

void set_up(benchmark::internal::Benchmark* entry) {
  entry->ArgNames({"n", "b", "m", "L"})->UseManualTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(gradient_descent_step)->Apply(set_up)->Args({100, 0, 1024, 2})->Args({1024, 0, 2048, 4});
BENCHMARK(products_of_a_full_batch_step)
    ->Apply(set_up)
    ->Args({100, 0, 1024, 2})
    ->Args({1024, 0, 2048, 4});
BENCHMARK(sgd_step)->Apply(set_up)->Args({1024, 64, 4096, 4});
BENCHMARK(products_of_an_sgd_step)->Apply(set_up)->Args({1024, 64, 4096, 4});

}  // namespace
}  // namespace overparam::bench
