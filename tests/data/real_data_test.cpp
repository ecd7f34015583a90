// SPDX-License-Identifier: Apache-2.0
// The images people really have. OVERPARAM_TEST_DATA names a folder that holds mnist/ and
// cifar-10-batches-bin/.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "overparam/data/geometry.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"

namespace overparam::data {
namespace {

class RealData : public testing::Test {
 protected:
  /// The folder, after making sure that it is there.
  std::filesystem::path folder(const std::string& name) {
    const char* root = std::getenv("OVERPARAM_TEST_DATA");
    return root == nullptr ? std::filesystem::path() : std::filesystem::path(root) / name;
  }

  void SetUp() override {
    if (std::getenv("OVERPARAM_TEST_DATA") == nullptr) {
      GTEST_SKIP() << "OVERPARAM_TEST_DATA is not set; the twins on generated digits still run";
    }
  }
};

TEST_F(RealData, MnistTestSet) {
  const Dataset dataset = read_dataset(folder("mnist"));
  EXPECT_EQ(dataset.shape, (std::vector<std::int64_t>{28, 28}));
  EXPECT_EQ(dataset.num_classes, 10);
  ASSERT_EQ(dataset.train.inputs.sizes(), (std::vector<std::int64_t>{10'000, 784}));
  EXPECT_TRUE(
      at::equal(dataset.train.labels.narrow(0, 0, 5), at::tensor({7, 2, 1, 0, 4}, at::kLong)));
  EXPECT_EQ(dataset.train.inputs.min().item<float>(), 0.0f);
  EXPECT_EQ(dataset.train.inputs.max().item<float>(), 1.0f);
  // The mean of the published test set is 0.1325.
  EXPECT_NEAR(dataset.train.inputs.mean().item<double>(), 0.1325, 1e-4);
}

TEST_F(RealData, MnistHasNoDuplicatesAndAClearSeparation) {
  Dataset dataset = read_dataset(folder("mnist"));
  take_samples(dataset, 2000);
  encode_targets(dataset, 0);
  normalise(dataset, Normalisation::sphere, at::kDouble);
  EXPECT_TRUE(find_duplicates(dataset.train).groups.empty());
  const Separation closest = separation(dataset.train.inputs);
  const at::Tensor difference =
      dataset.train.inputs[closest.first] - dataset.train.inputs[closest.second];
  EXPECT_NEAR(closest.distance, difference.norm().item<double>(), 1e-14);
  EXPECT_NEAR(closest.distance,
              at::pdist(dataset.train.inputs).min().item<double>(),
              1e-12 * closest.distance);
}

TEST_F(RealData, Cifar10) {
  const Dataset dataset = read_dataset(folder("cifar-10-batches-bin"));
  EXPECT_EQ(dataset.shape, (std::vector<std::int64_t>{3, 32, 32}));
  EXPECT_EQ(dataset.train.inputs.size(1), 3072);
  ASSERT_TRUE(dataset.test.has_value());
  ASSERT_EQ(dataset.class_names.size(), 10u);
  EXPECT_EQ(dataset.class_names[0], "airplane");
  EXPECT_EQ(dataset.class_names[9], "truck");
  for (const auto* part : {&dataset.train, &*dataset.test}) {
    EXPECT_EQ(at::bincount(part->labels).numel(), 10);
    EXPECT_EQ(part->inputs.min().item<float>(), 0.0f);
    EXPECT_EQ(part->inputs.max().item<float>(), 1.0f);
  }
}

}  // namespace
}  // namespace overparam::data
