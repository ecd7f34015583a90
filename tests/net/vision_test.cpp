// SPDX-License-Identifier: Apache-2.0
// ResNets and VGG19: their sizes, their initial laws, and one function by several routes.
#include "overparam/net/vision.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::net {
namespace {

using tests::normal;
using tests::relative_difference;

at::Tensor images_for(const VisionArchitecture& architecture, std::int64_t n) {
  const auto& options = architecture.options;
  return normal({n, options.channels * options.side * options.side}, "images")
      .view({n, options.channels, options.side, options.side});
}

/// Eight layers of 3, 6 and 12 channels on images of 8 x 8: everything there is, in milliseconds.
VisionArchitecture small_resnet(const std::string& activation = "relu") {
  return make_vision_architecture(
      "resnet8", {.num_classes = 4, .side = 8, .width = 3, .activation = activation});
}

/// Statistics and scales that are no longer those of the start.
struct Trained {
  VisionArchitecture architecture;
  at::Tensor weights;
  at::Tensor statistics;

  explicit Trained(VisionArchitecture shape)
      : architecture(std::move(shape)),
        weights(initial_weights(architecture, 1, at::kDouble)),
        statistics(initial_statistics(architecture, at::kDouble)) {
    weights.add_(normal({weights.size(0)}, "moved"), 0.05);
    statistics.add_(normal({statistics.size(0)}, "statistics").abs_(), 0.3);
  }
};

TEST(VisionSizes, AreThoseOfTheSource) {
  const std::map<std::string, std::vector<std::int64_t>> expected{
      {"resnet20", {272'474, 278'324, 65}},
      {"resnet32", {466'906, 472'756, 101}},
      {"resnet110", {1'730'714, 1'736'564, 335}},
      {"vgg19", {20'029'514, 20'075'684, 34}},
      {"vgg19-bn", {20'040'522, 20'086'692, 66}}};
  for (const auto& [name, numbers] : expected) {
    const auto ten = make_vision_architecture(name, {});
    EXPECT_EQ(ten.num_parameters(), numbers[0]) << name;
    EXPECT_EQ(make_vision_architecture(name, {.num_classes = 100}).num_parameters(), numbers[1]);
    EXPECT_EQ(std::ssize(ten.tensors), numbers[2]) << name;
  }
  // PyTorch counts each normalisation's batches too.
  const auto resnet20 = make_vision_architecture("resnet20", {});
  EXPECT_EQ(resnet20.num_statistics() + std::ssize(resnet20.norms), 1589);
  const auto resnet110 = make_vision_architecture("resnet110", {});
  EXPECT_EQ(resnet110.num_statistics() + std::ssize(resnet110.norms), 8399);
}

TEST(VisionInitialisation, FollowsTheSource) {
  const auto architecture = make_vision_architecture("resnet20", {});
  const at::Tensor weights = initial_weights(architecture, 3, at::kFloat);
  const auto parts = parts_of(architecture, weights);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& tensor = architecture.tensors[i];
    const double deviation = parts[i].square().mean().sqrt().item<double>();
    if (tensor.sizes.size() == 4) {  // N(0, 2 / (k k o))
      const double fan_out = static_cast<double>(tensor.sizes[0] * tensor.sizes[2] * tensor.sizes[3]);
      const double error = 1 / std::sqrt(2.0 * static_cast<double>(tensor.numel()));
      EXPECT_NEAR(deviation * std::sqrt(fan_out / 2), 1, 5 * error) << tensor.name;
    } else if (tensor.name.starts_with("fc")) {  // U(-1/8, 1/8)
      EXPECT_LE(parts[i].abs().max().item<double>(), 0.125);
      EXPECT_TRUE(tensor.numel() < 100 || std::abs(deviation - 0.125 / std::sqrt(3.0)) < 0.004);
    } else {
      const double constant = tensor.name.ends_with("weight") ? 1 : 0;
      EXPECT_TRUE(parts[i].eq(constant).all().item<bool>()) << tensor.name;
    }
  }
  EXPECT_TRUE(at::equal(weights, initial_weights(architecture, 3, at::kFloat)));
  EXPECT_FALSE(at::equal(weights, initial_weights(architecture, 4, at::kFloat)));
}

/// The layers written out, with normalisations as layers of their own.
at::Tensor outputs_by_hand(const Trained& net, const at::Tensor& images) {
  const auto parts = parts_of(net.architecture, net.weights);
  const auto part = [&](int index) {
    return index < 0 ? at::Tensor() : parts[static_cast<std::size_t>(index)];
  };
  std::vector<at::Tensor> features;
  for (const auto& layer : net.architecture.layers) {
    const at::Tensor x = layer.from < 0 ? images : features[static_cast<std::size_t>(layer.from)];
    at::Tensor y;
    switch (layer.kind) {
      case VisionLayer::Kind::convolution:
        y = at::conv2d(x, part(layer.weight), part(layer.bias), layer.stride, part(layer.weight).size(2) / 2);
        break;
      case VisionLayer::Kind::max_pool:
        y = at::max_pool2d(x, {2, 2});
        break;
      case VisionLayer::Kind::average_pool:
        y = at::adaptive_avg_pool2d(x, {1, 1});
        break;
      case VisionLayer::Kind::linear:
        y = at::linear(x.flatten(1), part(layer.weight), part(layer.bias));
        break;
    }
    if (layer.norm >= 0) {
      const auto& norm = net.architecture.norms[static_cast<std::size_t>(layer.norm)];
      y = at::batch_norm(y,
                         part(norm.scale),
                         part(norm.shift),
                         net.statistics.narrow(0, norm.begin, norm.channels),
                         net.statistics.narrow(0, norm.begin + norm.channels, norm.channels),
                         /*training=*/false,
                         0,
                         1e-5,
                         false);
    }
    if (layer.add >= 0) y = y + features[static_cast<std::size_t>(layer.add)];
    features.push_back(layer.activates ? at::relu(y) : y);
  }
  return features.back();
}

class EveryVision : public testing::TestWithParam<VisionFamily> {};

TEST_P(EveryVision, FoldsItsNormalisationsExactly) {
  const bool is_vgg = GetParam().name.starts_with("vgg");
  const Trained net(GetParam().build(
      {.num_classes = 4, .side = is_vgg ? 32 : 8, .width = is_vgg ? 2 : 3}));
  const at::Tensor images = images_for(net.architecture, 3);
  const auto parts = parts_of(net.architecture, net.weights);
  const at::Tensor expected = outputs_by_hand(net, images);
  EXPECT_EQ(expected.sizes(), at::IntArrayRef({3, 4}));
  const at::Tensor folded = FoldedVision(net.architecture, parts, net.statistics).outputs(images);
  EXPECT_LT(relative_difference(folded, expected), tests::kRounding);
  const at::Tensor outputs =
      vision_outputs(net.architecture, parts, images, {.statistics = net.statistics});
  EXPECT_LT(relative_difference(outputs, expected), tests::kRounding);
}

INSTANTIATE_TEST_SUITE_P(Catalogue,
                         EveryVision,
                         testing::ValuesIn(vision_networks()),
                         [](const auto& family) {
                           std::string name = family.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

/// Whatever a convolution by hand gives: one layer, no normalisation of note.
TEST(VisionOutputs, FirstConvolutionIsTheSum) {
  auto architecture = small_resnet();
  architecture.layers.resize(1);
  architecture.layers[0].activates = false;
  const Trained net(architecture);
  const at::Tensor images = images_for(architecture, 2);
  const auto parts = parts_of(architecture, net.weights);
  const at::Tensor found =
      vision_outputs(architecture, parts, images, {.statistics = net.statistics});
  const at::Tensor mean = net.statistics.narrow(0, 0, 3);
  const at::Tensor variance = net.statistics.narrow(0, 3, 3);
  for (const auto& [o, i, j] : {std::tuple{0, 0, 0}, {1, 4, 7}, {2, 7, 3}}) {
    double sum = 0;
    for (int c = 0; c < 3; ++c) {
      for (int k = -1; k <= 1; ++k) {
        for (int l = -1; l <= 1; ++l) {
          const int y = i + k;
          const int x = j + l;
          if (y < 0 || y > 7 || x < 0 || x > 7) continue;
          sum += (parts[0][o][c][k + 1][l + 1] * images[1][c][y][x]).item<double>();
        }
      }
    }
    const double scaled = (sum - mean[o].item<double>()) / std::sqrt(variance[o].item<double>() + 1e-5) *
                              parts[1][o].item<double>() +
                          parts[2][o].item<double>();
    EXPECT_NEAR(found[1][o][i][j].item<double>(), scaled, 1e-12);
  }
}

TEST(VisionOutputs, StatisticsOfTheBatchNormaliseIt) {
  const Trained net(small_resnet());
  const at::Tensor images = images_for(net.architecture, 5);
  const auto parts = parts_of(net.architecture, net.weights);
  const at::Tensor outputs = vision_outputs(net.architecture, parts, images, {});
  // Scaling a filter that is normalised changes nothing but through epsilon.
  at::Tensor scaled = net.weights.clone();
  parts_of(net.architecture, scaled)[0].mul_(1000);
  const at::Tensor same =
      vision_outputs(net.architecture, parts_of(net.architecture, scaled), images, {});
  EXPECT_LT(relative_difference(same, outputs), 1e-3);
  EXPECT_GT(relative_difference(
                vision_outputs(net.architecture, parts, images, {.statistics = net.statistics}), outputs),
            0.01);
}

TEST(VisionOutputs, EstimatedStatisticsAreMeansOverTheBatches) {
  const Trained net(small_resnet());
  const at::Tensor images = images_for(net.architecture, 7);
  const auto parts = parts_of(net.architecture, net.weights);
  const at::Tensor statistics = estimate_statistics(net.architecture, parts, images, 4);
  const at::Tensor first = at::conv2d(images, parts[0], {}, 1, 1);  // (7, 3, 8, 8)
  const at::Tensor mean = first.mean({0, 2, 3});
  EXPECT_LT(relative_difference(statistics.narrow(0, 0, 3), mean), tests::kRounding);
  const auto variance = [&](std::int64_t begin, std::int64_t size) {
    return first.narrow(0, begin, size).var({0, 2, 3}, /*unbiased=*/true);
  };
  EXPECT_LT(relative_difference(statistics.narrow(0, 3, 3), (4 * variance(0, 4) + 3 * variance(4, 3)) / 7),
            tests::kRounding);
}

TEST(VisionOutputs, TrainingMovesRunningStatistics) {
  const Trained net(small_resnet());
  const at::Tensor images = images_for(net.architecture, 4);
  at::Tensor running = initial_statistics(net.architecture, at::kDouble);
  const auto parts = parts_of(net.architecture, net.weights);
  vision_outputs(net.architecture, parts, images, {.updated = running});
  const at::Tensor mean = at::conv2d(images, parts[0], {}, 1, 1).mean({0, 2, 3});
  EXPECT_LT(relative_difference(running.narrow(0, 0, 3), 0.1 * mean), tests::kRounding);
}

TEST(VisionOutputs, GradientsAreThoseOfDifferences) {
  const Trained net(small_resnet("softplus"));  // no kinks to keep away from
  const at::Tensor images = images_for(net.architecture, 3);
  const at::Tensor cotangent = normal({3, 4}, "cotangent");
  for (const NormSource& norms : {NormSource{.statistics = net.statistics}, NormSource{}}) {
    std::vector<at::Tensor> leaves;
    for (const auto& part : parts_of(net.architecture, net.weights)) {
      leaves.push_back(part.detach().requires_grad_(true));
    }
    const auto value = [&](const at::Tensor& weights) {
      return (vision_outputs(net.architecture, parts_of(net.architecture, weights), images, norms) *
              cotangent)
          .sum()
          .item<double>();
    };
    const at::Tensor outputs = vision_outputs(net.architecture, leaves, images, norms);
    const auto gradients = torch::autograd::grad({(outputs * cotangent).sum()}, leaves);
    const at::Tensor direction = normal({net.weights.size(0)}, "direction");
    double along = 0;
    const auto parts = parts_of(net.architecture, direction);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      along += (parts[i] * gradients[i]).sum().item<double>();
    }
    constexpr double kStep = 1e-5;
    const double difference =
        (value(net.weights + kStep * direction) - value(net.weights - kStep * direction)) / (2 * kStep);
    EXPECT_NEAR(along / difference, 1, tests::kFirstDifference);
  }
}

TEST(VisionRefusals, NameWhatDoesNotFit) {
  tests::expect_error(ErrorKind::usage, {"vgg19", "32 x 32", "8 x 8"}, [] {
    make_vision_architecture("vgg19", {.side = 8});
  });
  tests::expect_error(ErrorKind::usage, {"resnet8", "at least 4", "2 x 2"}, [] {
    make_vision_architecture("resnet8", {.side = 2});
  });
  tests::expect_error(ErrorKind::usage, {"relu or softplus", "tanh"}, [] {
    make_vision_architecture("resnet8", {.activation = "tanh"});
  });
  tests::expect_error(ErrorKind::usage, {"resnet21", "did you mean"}, [] {
    make_vision_architecture("resnet21", {});
  });
  const auto architecture = small_resnet();
  tests::expect_error(ErrorKind::usage, {"resnet8", "found 7"}, [&] {
    parts_of(architecture, at::zeros({7}));
  });
}

}  // namespace
}  // namespace overparam::net
