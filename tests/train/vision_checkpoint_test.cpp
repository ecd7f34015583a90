// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/vision_checkpoint.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/files.hpp"
#include "support/tensors.hpp"

namespace overparam::train {
namespace {

using tests::expect_error;
using tests::normal;
using tests::TemporaryFolder;

net::VisionArchitecture resnet(std::int64_t width = 3) {
  return net::make_vision_architecture(
      "resnet8", {.num_classes = 4, .channels = 1, .side = 8, .width = width});
}

VisionState random_state(const net::VisionArchitecture& architecture,
                         at::ScalarType type = at::kFloat) {
  return {.epoch = 12,
          .weights = normal({architecture.num_parameters()}, "weights", type),
          .velocity = normal({architecture.num_parameters()}, "velocity", type),
          .statistics = normal({architecture.num_statistics()}, "statistics", type)};
}

TEST(VisionSnapshots, AreReadBackAsTheyWere) {
  const TemporaryFolder folder;
  for (const char* name : {"resnet8", "vgg19", "vgg19-bn"}) {
    const auto architecture = net::make_vision_architecture(
        name, {.num_classes = 5, .side = 32, .width = 2, .activation = "softplus"});
    const auto state = random_state(architecture, at::kDouble);
    const auto path = folder / "one.safetensors";
    base::write_safetensors(
        path, snapshot_file(architecture, state.weights, state.statistics, state.epoch));
    const auto copy = read_snapshot(path);
    EXPECT_EQ(describe(copy.architecture), describe(architecture));
    EXPECT_EQ(copy.epoch, 12);
    EXPECT_TRUE(at::equal(copy.weights, state.weights)) << name;
    EXPECT_TRUE(at::equal(copy.statistics, state.statistics)) << name;
  }
}

TEST(VisionSnapshots, NameTheirTensorsAsTheSourceDoes) {
  const auto architecture = resnet();
  const auto state = random_state(architecture);
  const auto file = snapshot_file(architecture, state.weights, state.statistics, 1);
  EXPECT_EQ(file.tensors.size(), architecture.tensors.size() + 2 * architecture.norms.size());
  for (const char* name : {"conv1.weight",
                           "bn1.running_mean",
                           "layer2.0.downsample.1.running_var",
                           "layer3.0.conv2.weight",
                           "fc.bias"}) {
    EXPECT_NE(file.find(name), nullptr) << name;
  }
  const auto& norm = architecture.norms.front();
  EXPECT_TRUE(at::equal(*file.find("bn1.running_var"),
                        state.statistics.narrow(0, norm.begin + norm.channels, norm.channels)));
}

class BrokenSnapshots : public testing::Test {
 protected:
  void expect(const std::initializer_list<std::string_view>& parts) {
    const TemporaryFolder folder;
    base::write_safetensors(folder / "broken.safetensors", file);
    expect_error(ErrorKind::data, parts, [&] { read_snapshot(folder / "broken.safetensors"); });
  }

  net::VisionArchitecture architecture = resnet();
  VisionState state = random_state(architecture);
  base::TensorFile file = snapshot_file(architecture, state.weights, state.statistics, 1);
};

TEST_F(BrokenSnapshots, NameTheMissingTensor) {
  std::erase_if(file.tensors, [](const auto& entry) { return entry.first == "layer2.0.bn1.bias"; });
  expect({"broken.safetensors", "no tensor layer2.0.bn1.bias"});
}

TEST_F(BrokenSnapshots, NameTheTensorOfAnotherShape) {
  file.metadata["width"] = "5";
  expect({"broken.safetensors", "conv1.weight", "(3, 1, 3, 3)", "expected (5, 1, 3, 3)"});
}

TEST_F(BrokenSnapshots, NameTheTensorOfAnotherType) {
  file.tensors.back().second = file.tensors.back().second.to(at::kDouble);
  expect({"running_var", "Double", "Float"});
}

TEST_F(BrokenSnapshots, NameTheMetadata) {
  file.metadata.erase("classes");
  expect({"broken.safetensors", "no classes"});
  file.metadata["classes"] = "many";
  expect({"classes", "whole number", "\"many\""});
  file.metadata["classes"] = "4";
  file.metadata["network"] = "resnet9";
  expect({"broken.safetensors", "\"resnet9\"", "did you mean"});
}

TEST_F(BrokenSnapshots, TakeNoMemoryForWhatTheyPromise) {
  file.metadata["width"] = "1000000";
  expect({"conv1.weight", "(3, 1, 3, 3)", "1000000"});
}

TEST(VisionCheckpoints, RestoreTheState) {
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  for (const auto type : {at::kFloat, at::kDouble}) {
    const auto architecture = resnet();
    const auto state = random_state(architecture, type);
    save_vision_checkpoint(path, architecture, state, 12.5, "settings");
    const auto copy = load_vision_checkpoint(path, architecture, "settings", type);
    EXPECT_EQ(copy.seconds, 12.5);
    EXPECT_EQ(copy.state.epoch, 12);
    EXPECT_TRUE(at::equal(copy.state.weights, state.weights));
    EXPECT_TRUE(at::equal(copy.state.velocity, state.velocity));
    EXPECT_TRUE(at::equal(copy.state.statistics, state.statistics));
  }
}

TEST(VisionCheckpoints, OfAnotherRunAreRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "state.safetensors";
  const auto architecture = resnet();
  save_vision_checkpoint(path, architecture, random_state(architecture), 0, "settings");
  expect_error(ErrorKind::data, {"state.safetensors", "other settings"}, [&] {
    load_vision_checkpoint(path, architecture, "others", at::kFloat);
  });
  expect_error(ErrorKind::data, {"state.safetensors", "width 3", "expected", "width 4"}, [&] {
    load_vision_checkpoint(path, resnet(4), "settings", at::kFloat);
  });
  base::write_safetensors(path,
                          snapshot_file(architecture,
                                        random_state(architecture).weights,
                                        random_state(architecture).statistics,
                                        1));
  expect_error(ErrorKind::data, {"state.safetensors", "no fingerprint"}, [&] {
    load_vision_checkpoint(path, architecture, "settings", at::kFloat);
  });
}

}  // namespace
}  // namespace overparam::train
