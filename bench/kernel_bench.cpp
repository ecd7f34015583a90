// SPDX-License-Identifier: Apache-2.0
// Tangent kernels: dense, as an operator, and in the limit of infinite width.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "steps.hpp"

namespace overparam::bench {
namespace {

StepTimer timer_of(const benchmark::State& state) {
  return StepTimer(
      {.num_samples = state.range(0), .width = state.range(1), .depth = state.range(2)});
}

void dense_tangent_kernel(benchmark::State& state) {
  const auto timer = timer_of(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(kernel::tangent_kernel(timer.network(), timer.problem().inputs));
  }
}

void tangent_product(benchmark::State& state) {
  const auto timer = timer_of(state);
  net::Workspace workspace(at::kFloat);
  const kernel::TangentProduct product(timer.network(), timer.problem().inputs, workspace);
  const at::Tensor v = at::ones({product.size()}, at::kDouble);
  at::Tensor out = at::empty_like(v);
  for (auto _ : state) product(v, out);
}

void largest_eigenvalue(benchmark::State& state) {
  const auto timer = timer_of(state);
  net::Workspace workspace(at::kFloat);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        kernel::extreme_eigenvalues(timer.network(), timer.problem().inputs, workspace).largest);
  }
}

void infinite_kernel(benchmark::State& state) {
  const at::Tensor inputs = timer_of(state).problem().inputs;
  for (auto _ : state) {
    benchmark::DoNotOptimize(kernel::infinite_kernel(inputs, state.range(2)));
  }
}

void set_up(benchmark::internal::Benchmark* entry) {
  entry->ArgNames({"n", "m", "L"})
      ->Args({200, 1024, 2})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

BENCHMARK(dense_tangent_kernel)->Apply(set_up);
BENCHMARK(tangent_product)->Apply(set_up)->Args({2000, 1024, 2});
BENCHMARK(largest_eigenvalue)->Apply(set_up);
BENCHMARK(infinite_kernel)->Apply(set_up);

}  // namespace
}  // namespace overparam::bench
