// SPDX-License-Identifier: Apache-2.0
// How a network is trained: method, step size, and when to stop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "overparam/linalg/narrow.hpp"

namespace overparam::train {

enum class Method {
  gd,            ///< W <- W - eta grad F(W)
  sgd,           ///< W <- W - eta (n / b) sum_{i in S} grad F_i(W), which is unbiased for F
  gauss_newton,  ///< W <- W - J^T a with (K + lambda I) a = f - y*; see NewtonOptions
};

/// How a Gauss-Newton step solves its linear system in the n d outputs.
enum class Solver {
  automatic,            ///< the one of the two that takes fewer operations and fits the memory
  dense,                ///< K itself and its Cholesky factor
  conjugate_gradients,  ///< products with K, preconditioned by a model of it: see newton_plan.hpp
};

/// Gauss-Newton in the kernel. With S S^T the loss's curvature in the outputs (I for the squared
/// loss), S c its gradient, and mu the mean diagonal of K, a step solves
///
///     (S^T K S + lambda mu I) b = c        Delta W = -J^T S b
///
/// which is the Levenberg-Marquardt step of the generalised Gauss-Newton matrix J^T S S^T J, seen
/// from the outputs (Cai et al. 2019; Zhang, Martens, Grosse 2019).
struct NewtonOptions {
  Solver solver = Solver::automatic;
  double damping = 0;              ///< lambda at the start, and its least value later
  double tolerance = 0.5;          ///< of the first linear solves; later ones follow the descent
  int max_products = 1000;         ///< of K in one solve
  std::uint64_t memory_limit = 0;  ///< bytes to plan with; 0: what is available
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
  double step_size = 0;         ///< eta > 0; Gauss-Newton has none
  std::int64_t batch_size = 0;  ///< b; 0: see batch_of
  Sampling sampling = Sampling::epoch;
  double momentum = 0;      ///< v <- mu v + grad, W <- W - eta v
  double weight_decay = 0;  ///< adds decay * W to the gradient
  std::vector<StepChange> schedule;
  NewtonOptions newton;
  StopRules stop;
  /// SGD, and Gauss-Newton on batches, measure the whole objective every so many steps; 0: once an
  /// epoch.
  std::int64_t measure_every = 0;
  std::uint64_t seed = 0;  ///< of the batches
  /// Of the steps. Other than plain: gd or sgd without momentum on fully connected ReLU networks,
  /// float32.
  linalg::Products products = linalg::Products::plain;

  /// What this machine makes of `products`: the format they are taken in.
  /// @throws Error(usage) where one was asked for that it does not have
  [[nodiscard]] linalg::Products products_in_use() const;

  /// Whether each step sees some of the samples only.
  [[nodiscard]] bool uses_batches(std::int64_t num_samples) const {
    return method == Method::sgd ||
           (method == Method::gauss_newton && batch_of(num_samples) < num_samples);
  }

  /// b, samples in a step. Where none is given SGD takes 64, or all where there are fewer, and the
  /// other methods take all.
  [[nodiscard]] std::int64_t batch_of(std::int64_t num_samples) const {
    if (method == Method::gd) return num_samples;
    if (batch_size > 0) return batch_size;
    return method == Method::sgd ? std::min<std::int64_t>(64, num_samples) : num_samples;
  }

  /// @throws Error(usage) naming the option, its value and what is allowed
  void validate(std::int64_t num_samples) const;
};

std::string to_string(Method method);
std::string to_string(Sampling sampling);
std::string to_string(Solver solver);

/// The value of this name. @throws Error(usage) with the names and "did you mean"
Method parse_method(const std::string& name);
Sampling parse_sampling(const std::string& name);
Solver parse_solver(const std::string& name);

/// Reads "1000:0.1,2000:0.1". @throws Error(usage)
std::vector<StepChange> parse_schedule(const std::string& text);

}  // namespace overparam::train
