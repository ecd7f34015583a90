// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "overparam/kernel/linear_model.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/options.hpp"
#include "overparam/train/problem.hpp"

namespace overparam::train {

/// A rule for the step size eta.
struct StepRule {
  enum class Kind {
    number,    ///< eta itself
    critical,  ///< c / (Lip * lambda_max(K)) for gd, c / (Lip * max(lambda_max(K), (n/b) max_i
               ///< lambda_max(K_ii))) for sgd
    theory,    ///< c d delta / (n^4 L^2 m), Theorem 1 (sgd: c b d delta / (n^5 L^2 m log^2 m),
               ///< Theorem 2)
  };
  Kind kind = Kind::critical;
  double value = 1;  ///< the number, or c
};

/// Reads "critical", "critical:0.5", "theory", "theory:10" or a positive number.
/// @throws Error(usage) for anything else
StepRule parse_step_rule(const std::string& text);
std::string to_string(const StepRule& rule);

/// A step size with the curvatures behind it.
struct StepChoice {
  double step_size = 0;
  double lambda_max = 0;         ///< of K
  double lambda_max_sample = 0;  ///< max_i lambda_max(K_ii); only where the rule asks for it
};

/// The step size a rule gives at the network's present weights. At most 60 products of K with a
/// vector, and for sgd the kernels K_ii of all samples. An interrupt ends the products early: the
/// step is then one of an eigenvalue too small, for a run that ends before it is taken.
/// @throws Error(usage) where the theory has no step: without square hidden layers, or with two
/// inputs the same   @throws Error(numeric) for "critical" where K is zero
StepChoice choose_step(const StepRule& rule,
                       const net::Network& network,
                       const Problem& problem,
                       const TrainOptions& options,
                       net::Workspace& workspace);

/// The linear model at the present weights.
struct Prediction {
  std::optional<std::int64_t> steps;  ///< nothing: it never gets there
  int products = 0;                   ///< of K with a vector
  double uncertainty = 0;             ///< relative change when the products were last doubled
  kernel::LinearModel model;
};

/// How many steps the linear model at the present weights needs to reduce F to `ratio` of its
/// value, for the squared loss and plain steps. SGD's mean follows the same model. Costs
/// `most_products` products of K at most, and fewer where an interrupt comes.
/// @param max_seconds no new products of K are begun after this long
/// @throws Error(numeric) where the residual is zero or not finite
Prediction predict_steps(const net::Network& network,
                         const Problem& problem,
                         double step_size,
                         double ratio,
                         net::Workspace& workspace,
                         double max_seconds = 20);

/// The most products that `predict_steps` asks of K for a residual of this size: it keeps a float64
/// vector for each, and 256 MiB of them at most, but no fewer than 40.
int most_products(std::int64_t residual_size);

}  // namespace overparam::train
