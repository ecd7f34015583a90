// SPDX-License-Identifier: Apache-2.0
// The separation of data as large as people bring.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/base/clock.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/data/sources.hpp"

namespace overparam::data {
namespace {

TEST(SeparationSlow, TenThousandDigits) {
  GeneratorOptions options{.num_samples = 10'000, .seed = 1};
  at::Tensor inputs = find_generator("digits").generate(options).train.inputs;
  // A pair that is closer than any two drawn digits, at a known distance.
  inputs[9'876] = inputs[1'234];
  inputs[9'876][400] += 0.25f;
  const auto expected = (inputs[9'876][400] - inputs[1'234][400]).item<double>();

  const std::uint64_t memory_before = base::peak_resident_memory();
  const base::Stopwatch stopwatch;
  const Separation found = separation(inputs);
  RecordProperty("seconds", std::to_string(stopwatch.seconds()));
  EXPECT_EQ(found.first, 1'234);
  EXPECT_EQ(found.second, 9'876);
  EXPECT_DOUBLE_EQ(found.distance, expected);
  // A copy of the rows, a tile, and room for the workspaces of the matrix product.
  EXPECT_LT(base::peak_resident_memory() - memory_before, inputs.nbytes() + (200 << 20));
}

}  // namespace
}  // namespace overparam::data
