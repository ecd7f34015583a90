// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/step_size.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/clock.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/kernel/tangent_kernel.hpp"

namespace overparam::train {

namespace {

using Kind = StepRule::Kind;

/// m and L of the theorems: the width and the number of the square hidden blocks.
struct TheoryShape {
  double width = 0;
  double depth = 0;
};

TheoryShape theory_shape(const net::Architecture& architecture) {
  TheoryShape shape;
  for (const auto& block : architecture.blocks) {
    shape.width =
        std::max(shape.width, static_cast<double>(block.columns == block.rows ? block.rows : 0));
    shape.depth += block.rows == block.columns && block.trained ? 1 : 0;
  }
  return shape;
}

/// The step sizes of Theorems 1 and 2 with the polynomials of the full version's proof.
double theory_step(const net::Architecture& architecture,
                   const Problem& problem,
                   const TrainOptions& options) {
  const auto [m, L] = theory_shape(architecture);
  base::require(m > 0 && L > 0,
                ErrorKind::usage,
                "the theory's step size needs trained square hidden layers");
  base::require(problem.separation > 0,
                ErrorKind::usage,
                "the theory's step size is 0: two inputs are the same (separation 0)");
  const double n = static_cast<double>(problem.size());
  const double d = static_cast<double>(architecture.num_outputs());
  const double gd = d * problem.separation / (std::pow(n, 4) * L * L * m);
  if (options.method == Method::gd) return gd;
  const double b = static_cast<double>(options.batch_of(problem.size()));
  return gd * b / (n * std::pow(std::log(m), 2));
}

}  // namespace

StepRule parse_step_rule(const std::string& text) {
  const auto colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (name == "critical" || name == "theory") {
    StepRule rule{.kind = name == "critical" ? Kind::critical : Kind::theory};
    if (colon == std::string::npos) return rule;
    const auto factor = base::parse_number(text.substr(colon + 1));
    base::require(factor && *factor > 0 && std::isfinite(*factor),
                  ErrorKind::usage,
                  "step: \"{}\" is not {}:C with a positive number C",
                  text,
                  name);
    rule.value = *factor;
    return rule;
  }
  const auto number = base::parse_number(text);
  base::require(number && *number > 0 && std::isfinite(*number),
                ErrorKind::usage,
                "step must be \"critical\", \"theory\" or a positive number, found \"{}\"",
                text);
  return {.kind = Kind::number, .value = *number};
}

std::string to_string(const StepRule& rule) {
  if (rule.kind == Kind::number) return fmt::format("{}", rule.value);
  const char* name = rule.kind == Kind::critical ? "critical" : "theory";
  return rule.value == 1 ? name : fmt::format("{}:{}", name, rule.value);
}

StepChoice choose_step(const StepRule& rule,
                       const net::Network& network,
                       const Problem& problem,
                       const TrainOptions& options,
                       net::Workspace& workspace) {
  constexpr double kEigenvalueTolerance = 1e-3;
  const auto ends =
      kernel::extreme_eigenvalues(network,
                                  problem.inputs,
                                  workspace,
                                  {.max_products = 60,
                                   .tolerance = kEigenvalueTolerance,
                                   .seed = options.seed,
                                   .keep_going = [] { return !base::interrupted(); }});
  StepChoice choice{.lambda_max = ends.largest};
  switch (rule.kind) {
    case Kind::number:
      choice.step_size = rule.value;
      break;
    case Kind::critical: {
      double curvature = choice.lambda_max;
      if (options.method == Method::sgd) {
        choice.lambda_max_sample =
            kernel::largest_sample_eigenvalue(network, problem.inputs, workspace);
        const double share = static_cast<double>(problem.size()) /
                             static_cast<double>(options.batch_of(problem.size()));
        curvature = std::max(curvature, share * choice.lambda_max_sample);
      }
      base::require(curvature > 0,
                    ErrorKind::numeric,
                    "the critical step size is not defined: the tangent kernel is zero");
      choice.step_size = rule.value / (problem.loss.lipschitz * curvature);
      break;
    }
    case Kind::theory:
      choice.step_size = rule.value * theory_step(network.architecture(), problem, options);
      break;
  }
  return choice;
}

int most_products(std::int64_t residual_size) {
  constexpr std::int64_t kNumbers = (256 << 20) / sizeof(double);
  return static_cast<int>(std::clamp<std::int64_t>(kNumbers / residual_size, 40, 320));
}

Prediction predict_steps(const net::Network& network,
                         const Problem& problem,
                         double step_size,
                         double ratio,
                         net::Workspace& workspace,
                         double max_seconds) {
  constexpr double kTolerance = 5e-3;
  const kernel::TangentProduct product(network, problem.inputs, workspace);
  const at::Tensor residual = (product.outputs() - problem.targets).reshape({-1});
  linalg::Lanczos process([&](const at::Tensor& v, at::Tensor& out) { product(v, out); },
                          residual,
                          most_products(residual.numel()));
  const base::Stopwatch watch;
  const auto found = kernel::predict_steps(process, step_size, ratio, kTolerance, [&] {
    return watch.seconds() < max_seconds && !base::interrupted();
  });
  return {.steps = found.steps,
          .products = found.products,
          .uncertainty = found.uncertainty,
          .model = kernel::LinearModel(linalg::spectral_measure(process), step_size)};
}

}  // namespace overparam::train
