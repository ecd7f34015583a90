// SPDX-License-Identifier: Apache-2.0
// How a network is trained: method, step size, and when to stop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "overparam/linalg/narrow.hpp"

namespace overparam::train {

enum class Method {
  gd,   ///< W <- W - eta grad F(W)
  sgd,  ///< W <- W - eta (n / b) sum_{i in S} grad F_i(W), which is unbiased for F
};

/// How the b samples S of an SGD step are chosen.
enum class Sampling {
  epoch,        ///< each pass over the data in a new random order, b at a time
  subset,       ///< a new random subset each step, no sample twice within it
  replacement,  ///< b independent draws each step
};

/// From this step on the step size is multiplied by `factor`.
struct StepChange {
  std::int64_t step = 0;
  double factor = 1;
};

/// A run ends at the first rule that holds; zero switches a rule off.
struct StopRules {
  std::int64_t max_steps = 10'000;
  double target_objective = 0;
  double target_ratio = 0;  ///< of the objective at the start
  double target_accuracy = 0;
  double gradient_norm = 0;  ///< |grad F|_F below this
  double max_seconds = 0;
  /// An objective past this many times its start counts as divergence; early rises are legitimate,
  /// wide networks catapult.
  double divergence_ratio = 1e3;
};

struct TrainOptions {
  Method method = Method::gd;
  double step_size = 0;  ///< eta > 0
  std::int64_t batch_size = 64;
  Sampling sampling = Sampling::epoch;
  double momentum = 0;      ///< v <- mu v + grad, W <- W - eta v
  double weight_decay = 0;  ///< adds decay * W to the gradient
  std::vector<StepChange> schedule;
  StopRules stop;
  /// SGD measures the whole objective every so many steps; 0: once an epoch.
  std::int64_t measure_every = 0;
  std::uint64_t seed = 0;  ///< of the batches
  /// Of the steps. Other than plain: gd without momentum on fully connected ReLU networks, float32.
  linalg::Products products = linalg::Products::plain;

  /// @throws Error(usage) naming the option, its value and what is allowed
  void validate(std::int64_t num_samples) const;
};

std::string to_string(Method method);
std::string to_string(Sampling sampling);
Method parse_method(const std::string& name);
Sampling parse_sampling(const std::string& name);

/// Reads "1000:0.1,2000:0.1". @throws Error(usage)
std::vector<StepChange> parse_schedule(const std::string& text);

}  // namespace overparam::train
