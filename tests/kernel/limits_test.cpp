// SPDX-License-Identifier: Apache-2.0
// Finite networks against their infinite limit.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"

namespace overparam::kernel {
namespace {

constexpr std::int64_t kSamples = 5;
constexpr std::int64_t kInputs = 10;
constexpr double kStandardErrors = 3;

/// Bands of the relative deviation of one draw, RMS over entries, times sqrt m: what single draws
/// at several widths have shown. Another few inputs and draws may lie so far outside.
constexpr double kBeyondBand = 1.15;

struct Case {
  std::string name;
  std::string network;
  net::NetworkOptions options;
  std::string trained;
  int draws;
  double least = 0;  ///< of the band
  double most = 0;   ///< 0: no band is known
};

void PrintTo(const Case& tested, std::ostream* out) { *out << tested.name; }

/// Unit vectors with cosines between .15 and .70.
at::Tensor unit_inputs() {
  for (int attempt = 0;; ++attempt) {
    at::Tensor x = tests::normal({kSamples, kInputs}, "inputs " + std::to_string(attempt));
    x.add_(0.7);
    x /= x.norm(2, 1, true);
    const at::Tensor cosines =
        at::mm(x, x.t()).masked_select(at::ones({kSamples, kSamples}, at::kBool).triu(1));
    if (cosines.min().item<double>() > 0.15 && cosines.max().item<double>() < 0.7) return x;
  }
}

class Limits : public testing::TestWithParam<Case> {};

TEST_P(Limits, FiniteNetworksScatterAroundTheInfiniteOne) {
  const Case& tested = GetParam();
  auto options = tested.options;
  options.input_size = kInputs;
  auto architecture = net::make_architecture(tested.network, options);
  if (!tested.trained.empty()) net::select_trained(architecture, tested.trained);
  const at::Tensor inputs = unit_inputs();
  const InfiniteKernel infinite(architecture, {.particles = 65'536});
  const at::Tensor limit = infinite(inputs);

  std::vector<double> excess;  // of the mean over entries
  double squares = 0;
  for (int draw = 0; draw < tested.draws; ++draw) {
    const net::Network network(architecture, static_cast<std::uint64_t>(draw), at::kDouble);
    const at::Tensor away = tangent_kernel(network, inputs) / infinite.scale() - limit;
    excess.push_back((away.sum() / limit.abs().sum()).item<double>());
    squares += (away / limit).square().mean().item<double>() / tested.draws;
  }
  const at::Tensor means = at::tensor(excess, at::dtype(at::kDouble));
  const double standard_error =
      means.std().item<double>() / std::sqrt(static_cast<double>(tested.draws));
  EXPECT_LT(std::abs(means.mean().item<double>()), kStandardErrors * standard_error)
      << "standard error " << standard_error << ", " << infinite.method();
  if (tested.most == 0) return;
  const double scatter = std::sqrt(squares * static_cast<double>(options.width));
  EXPECT_GT(scatter, tested.least / kBeyondBand);
  EXPECT_LT(scatter, tested.most * kBeyondBand);
}

/// Gains of W ~ N(0, 2/m) that stand for W ~ N(0, tau^2 / m) with tau = 1/4 and 1.
constexpr const char* kQuarter = "0.1767766952966369";
constexpr const char* kOne = "0.7071067811865476";

INSTANTIATE_TEST_SUITE_P(
    Catalogue,
    Limits,
    testing::Values(
        Case{"fc_1", "fc", {.width = 512, .depth = 1}, "", 40, 3.6, 4.1},
        Case{"fc_3", "fc", {.width = 512, .depth = 3}, "", 30, 4.2, 5.1},
        Case{"fc_6", "fc", {.width = 512, .depth = 6}, "", 20, 5.2, 6.8},
        Case{"fc_all", "fc", {.width = 256, .depth = 3}, "A,W.1,W.2,W.3", 30},
        Case{"fc_middle", "fc", {.width = 256, .depth = 3}, "W.2", 30},
        Case{"fc_last", "fc", {.width = 256, .depth = 2}, "last", 30},
        Case{"fc_leaky", "fc", {.width = 256, .depth = 2, .activation = "leaky-relu"}, "", 30},
        Case{"fc_abs", "fc", {.width = 256, .depth = 2, .activation = "abs"}, "", 30},
        Case{"fc_identity", "fc", {.width = 256, .depth = 2, .activation = "identity"}, "", 30},
        Case{"fc_erf", "fc", {.width = 256, .depth = 2, .activation = "erf"}, "", 30},
        Case{"fc_softplus", "fc", {.width = 256, .depth = 2, .activation = "softplus"}, "", 30},
        Case{"fc_tanh", "fc", {.width = 256, .depth = 2, .activation = "tanh"}, "", 30},
        Case{"resnet_quarter",
             "resnet",
             {.width = 512, .depth = 4, .tau = kQuarter, .last = "residual"},
             "",
             30,
             3.0,
             3.1},
        Case{"resnet_one",
             "resnet",
             {.width = 512, .depth = 4, .tau = kOne, .last = "residual"},
             "",
             30,
             3.7,
             4.3},
        Case{"resnet_plain",
             "resnet",
             {.width = 512, .depth = 4, .tau = kQuarter},
             "",
             30,
             3.8,
             3.9},
        Case{"resnet_all", "resnet", {.width = 256, .depth = 3, .tau = kOne}, "A,W.1,W.2,W.3", 30},
        Case{"resnet_two_layers",
             "resnet",
             {.width = 256, .depth = 3, .tau = kOne, .block_layers = 2},
             "",
             30},
        Case{"two_layer", "two-layer", {.width = 1024}, "", 100, 1.3, 1.4},
        Case{"cnn", "cnn", {.width = 128, .depth = 3, .input_shape = {kInputs}}, "", 20},
        Case{"cnn_unshared",
             "cnn",
             {.width = 128, .depth = 2, .input_shape = {kInputs}, .filters = "unshared"},
             "",
             20}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace overparam::kernel
