// SPDX-License-Identifier: Apache-2.0
// Modules of one's own, made here from source and saved as a user would save them.
#include "overparam/curvature/script_objective.hpp"

#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>

#include "overparam/curvature/hessian.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::curvature {
namespace {

using tests::normal;
using tests::relative_difference;

/// A module with weights "w" (2, 3) and "b" (2) and this forward.
std::filesystem::path saved(const tests::TemporaryFolder& folder, const std::string& forward) {
  torch::jit::Module module("Loss");
  module.register_parameter("w", normal({2, 3}, "w"), false);
  module.register_parameter("b", normal({2}, "b"), false);
  module.define(forward);
  const auto path = folder / "module.pt";
  module.save(path.string());
  return path;
}

constexpr const char* kSmooth = R"(
def forward(self, x, y):
    return torch.mean(torch.pow(torch.tanh(torch.matmul(x, self.w.t()) + self.b) - y, 2))
)";

TEST(ScriptObjective, IsTheModulesLoss) {
  const tests::TemporaryFolder folder;
  const at::Tensor x = normal({10, 3}, "x");
  const at::Tensor y = normal({10, 2}, "y");
  const auto objective = script_objective(saved(folder, kSmooth), x, y, 4);
  EXPECT_EQ(objective->size(), 8);
  EXPECT_EQ(objective->num_batches(), 3);
  EXPECT_EQ(objective->tensors()[0].name, "b");
  const at::Tensor weights = normal({8}, "weights");
  const at::Tensor b = weights.narrow(0, 0, 2);
  const at::Tensor w = weights.narrow(0, 2, 6).view({2, 3});
  const double expected =
      (at::tanh(at::matmul(x, w.t()) + b) - y).square().mean().item<double>();
  EXPECT_NEAR(objective->value(weights).objective, expected, 1e-12);
  at::Tensor gradient = at::empty_like(weights);
  objective->gradient(weights, gradient);
  const at::Tensor direction = normal({8}, "direction");
  const double difference = (objective->value(weights + 1e-6 * direction).objective -
                             objective->value(weights - 1e-6 * direction).objective) /
                            2e-6;
  EXPECT_NEAR(at::dot(gradient, direction).item<double>() / difference, 1, tests::kFirstDifference);
  at::Tensor twice = at::empty_like(weights);
  at::Tensor products = at::empty_like(weights);
  HessianProduct(*objective, weights, {.kind = ProductKind::autograd})(direction, twice);
  HessianProduct(*objective, weights, {.step = 1e-4})(direction, products);
  EXPECT_LT(relative_difference(products, twice), 1e-3);
}

TEST(ScriptObjective, SaysWhatIsWrongWithAModule) {
  const tests::TemporaryFolder folder;
  const at::Tensor x = normal({10, 3}, "x");
  const at::Tensor y = normal({10, 2}, "y");
  const auto refused = [&](std::initializer_list<std::string_view> parts, const char* forward) {
    tests::expect_error(ErrorKind::data, parts, [&] { script_objective(saved(folder, forward), x, y); });
  };
  refused({"module.pt", "one number", "20 entries"}, R"(
def forward(self, x, y):
    return torch.matmul(x, self.w.t()) - y
)");
  refused({"one number", "Tuple"}, R"(
def forward(self, x, y):
    return (x, y)
)");
  refused({"does not depend on its parameters"}, R"(
def forward(self, x, y):
    return torch.mean(x)
)");
  refused({"failed"}, R"(
def forward(self, x, y):
    return torch.mean(torch.matmul(x, self.w))
)");
  refused({"failed"}, R"(
def forward(self, x):
    return torch.mean(torch.matmul(x, self.w.t()))
)");
  tests::write_bytes(folder / "text.pt", "not a module");
  tests::expect_error(ErrorKind::data, {"text.pt", "no TorchScript module"}, [&] {
    script_objective(folder / "text.pt", x, y);
  });
  tests::expect_error(ErrorKind::data, {"10 inputs and 9 targets"}, [&] {
    script_objective(saved(folder, kSmooth), x, y.narrow(0, 0, 9));
  });
}

}  // namespace
}  // namespace overparam::curvature
