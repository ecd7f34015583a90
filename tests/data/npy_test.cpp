// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "data/bytes.hpp"
#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

using base::write_npy;
using tests::expect_error;
using tests::TemporaryFolder;
using tests::write_bytes;

at::Tensor some_inputs(std::int64_t count, at::ScalarType type = at::kDouble) {
  return at::arange(3 * count, type).view({count, 3});
}

at::Tensor long_tensor(std::vector<std::int64_t> values) { return at::tensor(values, at::kLong); }

/// The bytes of `tensor` as a .npy file.
std::string npy_bytes(const at::Tensor& tensor) {
  const TemporaryFolder folder;
  write_npy(folder / "a.npy", tensor);
  return base::read_file(folder / "a.npy");
}

TEST(Npy, InputsAndTheTargetsBesideThem) {
  const TemporaryFolder folder;
  write_npy(folder / "X.npy", some_inputs(2));
  write_npy(folder / "y.npy", at::tensor({0.5, 1.0}, at::kDouble));
  for (const auto& path : {folder.path(), folder / "X.npy"}) {
    const Dataset dataset = read_dataset(path);
    EXPECT_TRUE(at::equal(dataset.train.inputs, some_inputs(2)));
    EXPECT_TRUE(at::equal(dataset.train.targets, at::tensor({0.5, 1.0}, at::kDouble).view({2, 1})));
    EXPECT_FALSE(dataset.train.labels.defined());
    EXPECT_EQ(dataset.shape, std::vector<std::int64_t>{3});
    EXPECT_EQ(dataset.default_normalisation, Normalisation::footnote3);
  }
}

TEST(Npy, PartnersFollowTheInputsName) {
  const std::pair<const char*, const char*> pairs[] = {{"x_small", "y_small"},
                                                       {"train_images", "train_labels"},
                                                       {"inputs", "targets"},
                                                       {"data", "target"},
                                                       {"anything", "labels"}};
  for (const auto& [inputs, targets] : pairs) {
    const TemporaryFolder folder;
    write_npy(folder / (std::string(inputs) + ".npy"), some_inputs(2));
    write_npy(folder / (std::string(targets) + ".npy"), long_tensor({1, 0}));
    const Dataset dataset = read_dataset(folder / (std::string(inputs) + ".npy"));
    EXPECT_TRUE(at::equal(dataset.train.labels, long_tensor({1, 0}))) << inputs;
  }
}

TEST(Npy, IntegersAreLabelsAndNumbersAreTargets) {
  const TemporaryFolder folder;
  write_npy(folder / "X.npy", some_inputs(3));
  const auto read_with = [&](const at::Tensor& targets) {
    write_npy(folder / "y.npy", targets);
    return read_dataset(folder.path());
  };
  const Dataset column = read_with(long_tensor({2, 0, 1}).view({3, 1}));
  EXPECT_TRUE(at::equal(column.train.labels, long_tensor({2, 0, 1})));
  EXPECT_EQ(column.num_classes, 3);

  const Dataset signs = read_with(long_tensor({-1, 1, -1}));
  EXPECT_TRUE(at::equal(signs.train.labels, long_tensor({0, 1, 0})));
  EXPECT_EQ(signs.class_names, (std::vector<std::string>{"-1", "1"}));

  const at::Tensor targets = at::arange(6, at::kFloat).view({3, 2});
  EXPECT_TRUE(at::equal(read_with(targets).train.targets, targets.to(at::kDouble)));
  // One-hot integers are targets, too.
  EXPECT_TRUE(read_with(at::eye(3, at::kLong)).train.targets.defined());
}

TEST(Npy, ElementTypesBecomeTheNarrowestFloatThatHoldsThem) {
  const TemporaryFolder folder;
  write_npy(folder / "y.npy", long_tensor({0, 1}));
  for (const auto& [stored, expected] : {std::pair{at::kFloat, at::kFloat},
                                         {at::kDouble, at::kDouble},
                                         {at::kByte, at::kFloat},
                                         {at::kLong, at::kDouble}}) {
    write_npy(folder / "X.npy", some_inputs(2, stored));
    const Dataset dataset = read_dataset(folder.path());
    EXPECT_EQ(dataset.train.inputs.scalar_type(), expected);
    EXPECT_TRUE(at::equal(dataset.train.inputs, some_inputs(2, expected)));
  }
}

TEST(Npy, BytesOfThreeDimensionsAreImages) {
  const TemporaryFolder folder;
  write_npy(folder / "images.npy", at::full({2, 4, 5}, 51, at::kByte));
  write_npy(folder / "labels.npy", long_tensor({0, 1}));
  const Dataset dataset = read_dataset(folder.path());
  EXPECT_EQ(dataset.shape, (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(dataset.default_normalisation, Normalisation::sphere);
  EXPECT_TRUE(at::equal(dataset.train.inputs, at::full({2, 20}, 0.2f, at::kFloat)));
}

TEST(Npz, BothPartsAreFoundAndShareTheirClasses) {
  const TemporaryFolder folder;
  write_bytes(folder / "mnist.npz",
              tests::zip({{"x_train.npy", npy_bytes(some_inputs(2))},
                          {"y_train.npy", npy_bytes(long_tensor({5, 7}))},
                          {"x_test.npy", npy_bytes(some_inputs(1))},
                          {"y_test.npy", npy_bytes(long_tensor({6}))}}));
  const Dataset dataset = read_dataset(folder / "mnist.npz");
  EXPECT_TRUE(at::equal(dataset.train.labels, long_tensor({0, 2})));
  ASSERT_TRUE(dataset.test.has_value());
  EXPECT_TRUE(at::equal(dataset.test->labels, long_tensor({1})));
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"5", "6", "7"}));
}

TEST(Npz, ShortNamesWork) {
  const TemporaryFolder folder;
  // Recognised by its contents.
  write_bytes(folder / "archive",
              tests::zip({{"data.npy", npy_bytes(some_inputs(2))},
                          {"labels.npy", npy_bytes(long_tensor({1, 0}))}}));
  EXPECT_TRUE(at::equal(read_dataset(folder / "archive").train.labels, long_tensor({1, 0})));
}

class NpyDamage : public testing::Test {
 protected:
  void expect_message(const at::Tensor& inputs,
                      const at::Tensor& targets,
                      std::initializer_list<std::string_view> parts) {
    write_npy(folder_ / "X.npy", inputs);
    write_npy(folder_ / "y.npy", targets);
    expect_error(ErrorKind::data, parts, [&] { read_dataset(folder_ / "X.npy"); });
  }

  TemporaryFolder folder_;
};

TEST_F(NpyDamage, ShapesThatDoNotFit) {
  expect_message(at::zeros({3}), long_tensor({0}), {"X.npy", "inputs X", "shape (3)"});
  expect_message(at::zeros({0, 2}), long_tensor({0}), {"shape (0, 2)", "at least one sample"});
  expect_message(at::zeros({3, 2}), long_tensor({0, 1}), {"X holds 3", "y holds 2"});
  expect_message(at::zeros({3, 2}), at::zeros({3, 2, 2}), {"y has shape (3, 2, 2)"});
}

TEST_F(NpyDamage, ValuesThatAreNotFinite) {
  at::Tensor inputs = some_inputs(3);
  inputs[1][2] = std::numeric_limits<double>::quiet_NaN();
  expect_message(inputs, long_tensor({0, 1, 0}), {"X.npy", "sample 1, coordinate 2", "nan"});
  at::Tensor targets = at::zeros({3, 1}, at::kDouble);
  targets[2][0] = std::numeric_limits<double>::infinity();
  expect_message(some_inputs(3), targets, {"sample 2, target 0", "inf"});
}

TEST_F(NpyDamage, MissingTargets) {
  write_npy(folder_ / "X.npy", some_inputs(3));
  for (const auto& path : {folder_.path(), folder_ / "X.npy"}) {
    expect_error(ErrorKind::data, {"X has no labels or targets", "y, Y, labels"}, [&] {
      read_dataset(path);
    });
  }
  write_npy(folder_ / "y.npy", long_tensor({0, 1, 2}));
  expect_error(ErrorKind::data, {"y.npy", "holds targets by its name"}, [&] {
    read_dataset(folder_ / "y.npy");
  });
}

TEST_F(NpyDamage, ArchivesWithoutInputs) {
  write_bytes(folder_ / "a.npz", tests::zip({{"weights.npy", npy_bytes(some_inputs(2))}}));
  expect_error(ErrorKind::data, {"a.npz", "no inputs", "X, x, inputs"}, [&] {
    read_dataset(folder_ / "a.npz");
  });
}

TEST_F(NpyDamage, HeadersThatMisleadTheParser) {
  write_npy(folder_ / "y.npy", long_tensor({0, 1, 2}));
  const std::string header =
      "{'fortran_order': False, 'shape': (0, 9223372036854775807, 4), 'descr':";
  const auto with_header = [&](const std::string& text) {
    write_bytes(folder_ / "X.npy",
                std::string("\x93NUMPY\x01\0", 8) +
                    tests::little_endian(static_cast<std::uint16_t>(text.size())) + text);
  };
  for (const auto& text : {header, header + " '<f8'}"}) {
    with_header(text);
    expect_error(ErrorKind::data, {"X.npy"}, [&] { read_dataset(folder_ / "X.npy"); });
  }
}

TEST_F(NpyDamage, PartsOfDifferentKinds) {
  write_npy(folder_ / "X_train.npy", some_inputs(2));
  write_npy(folder_ / "y_train.npy", long_tensor({0, 1}));
  write_npy(folder_ / "X_test.npy", some_inputs(2));
  write_npy(folder_ / "y_test.npy", at::zeros({2}));
  expect_error(
      ErrorKind::data, {"one part has integer labels"}, [&] { read_dataset(folder_.path()); });
  write_npy(folder_ / "X_test.npy", at::zeros({2, 4}));
  expect_error(ErrorKind::data, {"X_test", "(4)", "(3)"}, [&] { read_dataset(folder_.path()); });
}

}  // namespace
}  // namespace overparam::data
