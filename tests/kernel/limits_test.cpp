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
constexpr double kStandardErrors = 3;

struct Case {
  std::string name;
  std::string network;
  net::NetworkOptions options;
  std::string trained;
  int draws;
  double least;  ///< relRMS sqrt(m) of one draw, mean over the draws
  double most;
};

void PrintTo(const Case& tested, std::ostream* out) { *out << tested.name; }

at::Tensor unit_inputs(std::int64_t n, std::int64_t columns) {
  at::Tensor x = tests::normal({n, columns}, "unit inputs");
  x.add_(0.5);  // cosines between .1 and .7
  return x / x.norm(2, 1, true);
}

class Limits : public testing::TestWithParam<Case> {};

TEST_P(Limits, FiniteNetworksScatterAroundTheInfiniteOne) {
  const Case& tested = GetParam();
  auto options = tested.options;
  options.input_size = 12;
  auto architecture = net::make_architecture(tested.network, options);
  if (!tested.trained.empty()) net::select_trained(architecture, tested.trained);
  const at::Tensor inputs = unit_inputs(kSamples, options.input_size);
  const InfiniteKernel infinite(architecture);
  const at::Tensor limit = infinite(inputs);
  const at::Tensor upper = at::ones({kSamples, kSamples}, at::kBool).triu();

  std::vector<double> excess;  // of the mean over entries, relative
  double scatter = 0;
  for (int draw = 0; draw < tested.draws; ++draw) {
    const net::Network network(architecture, static_cast<std::uint64_t>(draw), at::kDouble);
    const at::Tensor finite = tangent_kernel(network, inputs) / infinite.scale();
    const at::Tensor entries = (finite - limit).masked_select(upper);
    excess.push_back((entries.sum() / limit.masked_select(upper).abs().sum()).item<double>());
    scatter += entries.norm().item<double>() / limit.masked_select(upper).norm().item<double>();
  }
  const at::Tensor means = at::tensor(excess, at::dtype(at::kDouble));
  const double standard_error =
      means.std().item<double>() / std::sqrt(static_cast<double>(tested.draws));
  EXPECT_LT(std::abs(means.mean().item<double>()), kStandardErrors * standard_error)
      << "standard error " << standard_error;
  const double band = scatter / tested.draws * std::sqrt(static_cast<double>(options.width));
  RecordProperty("relRMS_sqrt_m", std::to_string(band));
  EXPECT_GT(band, tested.least);
  EXPECT_LT(band, tested.most);
}

INSTANTIATE_TEST_SUITE_P(
    Catalogue,
    Limits,
    testing::Values(
        Case{"fc_1", "fc", {.width = 512, .depth = 1}, "", 60, 2.5, 5},
        Case{"fc_3", "fc", {.width = 512, .depth = 3}, "", 40, 3, 6},
        Case{"fc_6", "fc", {.width = 512, .depth = 6}, "", 30, 4, 8},
        Case{"fc_all", "fc", {.width = 512, .depth = 3}, "A,W.1,W.2,W.3", 40, 3, 8},
        Case{"fc_middle", "fc", {.width = 512, .depth = 3}, "W.2", 40, 2, 8},
        Case{"fc_last", "fc", {.width = 512, .depth = 2}, "last", 40, .5, 4},
        Case{
            "fc_leaky", "fc", {.width = 512, .depth = 2, .activation = "leaky-relu"}, "", 40, 1, 8},
        Case{"fc_abs", "fc", {.width = 512, .depth = 2, .activation = "abs"}, "", 40, 1, 12},
        Case{"fc_identity",
             "fc",
             {.width = 512, .depth = 2, .activation = "identity"},
             "",
             40,
             1,
             8},
        Case{"fc_erf", "fc", {.width = 512, .depth = 2, .activation = "erf"}, "", 40, 1, 8},
        Case{"fc_softplus",
             "fc",
             {.width = 512, .depth = 2, .activation = "softplus"},
             "",
             40,
             1,
             8},
        Case{"fc_tanh", "fc", {.width = 512, .depth = 2, .activation = "tanh"}, "", 40, 1, 8},
        Case{"resnet_quarter",
             "resnet",
             {.width = 512, .depth = 4, .tau = "0.1767766952966369", .last = "residual"},
             "",
             60,
             2.2,
             4},
        Case{"resnet_one",
             "resnet",
             {.width = 512, .depth = 4, .tau = "0.7071067811865476", .last = "residual"},
             "",
             60,
             3,
             5.5},
        Case{"resnet_plain",
             "resnet",
             {.width = 512, .depth = 4, .tau = "0.1767766952966369"},
             "",
             60,
             3,
             5},
        Case{"resnet_all",
             "resnet",
             {.width = 512, .depth = 4, .tau = "0.7071067811865476"},
             "A,W.1,W.2,W.3,W.4",
             60,
             2,
             8},
        Case{"resnet_two_layers",
             "resnet",
             {.width = 512, .depth = 4, .tau = "0.7071067811865476", .block_layers = 2},
             "",
             60,
             2,
             8},
        Case{"two_layer", "two-layer", {.width = 1024}, "", 100, .8, 2},
        Case{"cnn", "cnn", {.width = 128, .depth = 3, .input_shape = {12}}, "", 40, 2, 8},
        Case{"cnn_unshared",
             "cnn",
             {.width = 128, .depth = 2, .input_shape = {12}, .filters = "unshared"},
             "",
             30,
             .5,
             8}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace overparam::kernel
