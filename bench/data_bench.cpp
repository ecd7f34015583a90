// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>

#include "overparam/base/random.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/data/sources.hpp"

namespace overparam::bench {
namespace {

void separation(benchmark::State& state) {
  at::Tensor inputs = at::empty({state.range(0), 784}, at::kFloat);
  base::fill_normal(inputs, 1, {0, "inputs"});
  for (auto _ : state) benchmark::DoNotOptimize(data::separation(inputs).distance);
}

void draw_digits(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        data::find_generator("digits").generate({.num_samples = state.range(0)}));
  }
}

BENCHMARK(separation)->ArgName("n")->Arg(10'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(draw_digits)->ArgName("n")->Arg(1'000)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace overparam::bench
