// SPDX-License-Identifier: Apache-2.0
// What is known of one finished run, for the certificate that holds it against the theorems.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "overparam/net/network.hpp"
#include "overparam/train/problem.hpp"
#include "overparam/train/trajectory.hpp"

namespace overparam::claims {

/// Properties of the network at its initial weights, on a few samples of the run; NaN where they
/// were not measured.
struct InitialFacts {
  std::vector<double> smallest_norm;        ///< min_i |h_{i,l}| for each hidden layer
  std::vector<double> largest_norm;         ///< max_i |h_{i,l}|
  std::vector<double> smallest_separation;  ///< min_{i != j} |h_{i,l} - h_{j,l}|
  std::vector<double> largest_backward;     ///< max_i |Back_{i,l}|_2 for l = 1..L
  /// |D_L W_L ... D_1 W_1|_2 of the first sample
  double largest_product = std::numeric_limits<double>::quiet_NaN();
  /// of K, where K and a float64 network fit the memory
  double lambda_min = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> spectrum;  ///< of K, ascending, where lambda_min was measured
  std::int64_t num_samples = 0;  ///< how many were looked at
};

struct RunFacts {
  /// The architecture, and what differs from the paper's; "fc" is the paper's network.
  std::string network = "fc";
  std::int64_t n = 0, d = 0, m = 0, L = 0;
  std::int64_t input_size = 0;
  double separation = 0;
  double irreducible_objective = 0;  ///< what conflicting duplicates force; 0 where not known
  std::string method, loss;
  std::int64_t batch_size = 0;
  double step_size = 0;
  double lambda_max = 0;
  double initial_objective = 0;
  double final_objective = 0;
  std::int64_t steps = 0;
  InitialFacts initial;
  std::vector<train::TrajectoryPoint> trajectory;

  /// The statements are about this network, with its own choice of everything.
  [[nodiscard]] bool is_papers_network() const { return network == "fc"; }

  /// Whether delta says anything: equal inputs have 0, a single input has infinity.
  [[nodiscard]] bool is_separated() const { return separation > 0 && std::isfinite(separation); }
};

/// One quantity of one run beside its bound.
struct CertificateLine {
  std::string claim;     ///< id
  std::string quantity;  ///< what was measured
  double measured = 0;
  double bound = 0;   ///< the statement's right-hand side without its constant
  bool upper = true;  ///< measured <= C * bound, or >= c * bound
  /// measured / bound: the constant that the statement leaves open.
  [[nodiscard]] double constant() const { return measured / bound; }
  /// Whether that constant is of order one: at most 10 for upper bounds, at least 0.1 for lower
  /// ones.
  [[nodiscard]] bool holds() const { return upper ? constant() <= 10 : constant() >= 0.1; }
};

struct InitialOptions {
  std::int64_t most_samples = 64;      ///< looked at, but for lambda_min
  std::int64_t largest_kernel = 2000;  ///< rows of K up to which lambda_min is measured
  std::uint64_t memory_limit = 0;      ///< bytes that lambda_min may take (0: what is available)
};

/// Measures a network at its initial weights. lambda_min needs the dense kernel of all samples and
/// the network in float64, and is left out where they exceed the limits.
InitialFacts measure_initial(const net::Network& network,
                             const train::Problem& problem,
                             net::Workspace& workspace,
                             const InitialOptions& options = {});

/// The lines of every claim that a single run can speak of. The statements are about the paper's
/// network: there are none for any other.
std::vector<CertificateLine> certify(const RunFacts& facts);

}  // namespace overparam::claims
