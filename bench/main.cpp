// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "overparam/base/threads.hpp"
#include "overparam/linalg/products.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const overparam::base::ThreadGuard threads(0);
  benchmark::AddCustomContext("matrix products", overparam::linalg::blas_name());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
