// SPDX-License-Identifier: Apache-2.0
// Lemma 3.2 of Du et al. 2018: moves |w_r - w_r(0)| <= R keep the kernel. A sign (i, r) can flip
// only where |w_r(0) . x_i| < R, so P(flip) <= 2R / sqrt(2 pi) and E|H_ij - H_ij(0)| <= 4R / sqrt(2
// pi). An adversary who pushes every neuron across its nearest hyperplane reaches the first bound
// as R -> 0. The second counts flips of either sign for both inputs: one who only switches off
// reaches a quarter of it, on the diagonal. All families are linear in R.
#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "overparam/base/random.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "overparam/linalg/products.hpp"
#include "support/experiment.hpp"
#include "support/two_layer.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// Each row divided by its length; rows of zeros stay.
at::Tensor unit_rows(const at::Tensor& rows) {
  return rows / rows.norm(2, 1, /*keepdim=*/true).clamp_min(1e-300);
}

/// The network at its start, and how far others are from it.
class Ball {
 public:
  explicit Ball(const Point& point)
      : point_(point),
        problem_(unit_problem(point)),
        network_(two_layer_network(point, problem_)),
        workspace_(network_.options()) {
    clear_rows();
    const net::Tape tape = network_.record(problem_.inputs, workspace_);
    active_ = tape.features(0) > 0;
    projections_ = at::empty({active_.size(1), active_.size(0)}, network_.options());
    linalg::multiply(projections_, network_.parameters()[0], problem_.inputs.t());
    kernel_ = kernel::tangent_kernel(network_, problem_.inputs);
    lambda_0_ =
        linalg::symmetric_eigenvalues(kernel::two_layer_kernel(problem_.inputs))[0].item<double>();
  }

  /// Rows uniform on the sphere.
  [[nodiscard]] at::Tensor random_moves() const {
    at::Tensor moves = at::empty_like(network_.parameters()[0]);
    base::fill_normal(moves, 1, base::Stream(point_.seed(), "moves"));
    return unit_rows(moves);
  }

  /// Every neuron along its own -grad F.
  [[nodiscard]] at::Tensor gradient_moves() {
    auto slope = net::Parameters::trained_zeros(network_.architecture(), network_.options());
    const net::Tape tape = network_.record(problem_.inputs, workspace_);
    network_.add_gradient(tape, tape.outputs() - problem_.targets, -1, slope, workspace_);
    return unit_rows(slope[0]);
  }

  /// Every neuron straight across the nearest hyperplane of an input.
  [[nodiscard]] at::Tensor crossing_moves() const {
    const at::Tensor nearest = projections_.abs().argmin(1);                      // (m)
    const at::Tensor side = projections_.gather(1, nearest.unsqueeze(1)).sign();  // (m, 1)
    return problem_.inputs.index_select(0, nearest) * -side;
  }

  /// Every neuron that is active on the first input away from it.
  [[nodiscard]] at::Tensor switching_moves() const {
    const at::Tensor active = active_[0].unsqueeze(1).to(at::kDouble);  // (m, 1)
    return active * -problem_.inputs.narrow(0, 0, 1);
  }

  [[nodiscard]] Row compare(const char* family, const at::Tensor& moves, double radius) {
    net::Network moved = network_.clone();
    moved.parameters()[0].add_(moves, radius);
    at::Tensor flips;
    {
      const net::Tape tape = moved.record(problem_.inputs, workspace_);
      flips = (tape.features(0) > 0) != active_;
    }
    const at::Tensor change = kernel::tangent_kernel(moved, problem_.inputs) - kernel_;
    const double typical = 2 * radius / std::sqrt(2 * std::numbers::pi);
    Row row = row_of(point_, family);
    row.values["R"] = radius;
    row.values["lambda_0"] = lambda_0_;
    row.values["flips_share"] = flips.to(at::kDouble).mean().item<double>();
    row.values["flips_over_bound"] = row.at("flips_share") / typical;
    row.values["entry_change"] = change.abs().max().item<double>();
    row.values["entry_over_bound"] = row.at("entry_change") / (2 * typical);
    row.values["kernel_change"] = linalg::symmetric_eigenvalues(change).abs().max().item<double>();
    row.values["kernel_over_bound"] = row.at("kernel_change") / (lambda_0_ / 4);
    return row;
  }

 private:
  /// Setting "dead" shrinks that share of the neurons to 1e-9 of their size.
  void clear_rows() {
    at::Tensor& weights = network_.parameters()[0];
    const double dead = point_.get("dead", 0) * static_cast<double>(weights.size(0));
    weights.narrow(0, 0, static_cast<std::int64_t>(dead)).mul_(1e-9);
  }

  Point point_;
  train::Problem problem_;
  net::Network network_;
  net::Workspace workspace_;
  at::Tensor active_;       // (n, m)
  at::Tensor projections_;  // (m, n)
  at::Tensor kernel_;       // (n, n)
  double lambda_0_ = 0;
};

std::vector<Row> measure(const Point& point) {
  constexpr double kRadii[] = {3e-4, 0.003, 0.006, 0.012, 0.025, 0.05, 0.1};
  Ball ball(point);
  const at::Tensor random = ball.random_moves();
  const at::Tensor gradient = ball.gradient_moves();
  const at::Tensor crossing = ball.crossing_moves();
  const at::Tensor switching_off = ball.switching_moves();
  std::vector<Row> rows;
  for (const double radius : kRadii) {
    rows.push_back(ball.compare("random", random, radius));
    rows.push_back(ball.compare("gradient", gradient, radius));
    rows.push_back(ball.compare("adversarial", crossing, radius));
    rows.push_back(ball.compare("switching off", switching_off, radius));
  }
  return rows;
}

/// From where there are flips to count, to where the adversary, who has one move a neuron, would
/// want two: neurons lie within R of 0.8 n R hyperplanes.
bool countable(const Row& row) {
  const bool crossing = row.family == "adversarial";
  return row.at("R") >= (crossing ? 0.003 : 0.006) &&
         (!crossing || row.at("n") * row.at("R") < 0.3);
}

Law in_radius(const char* quantity, const char* y, const char* family) {
  return {.name = std::string(quantity) + " in R, " + family,
          .design = "R",
          .family = family,
          .x = "R",
          .y = y,
          .predicted = 1,
          .bound = Bound::upper,
          .limit = Limit::small,
          .keep = countable};
}

/// The mean over seeds of a ratio at the largest countable radius of a family, where it counts most
/// flips, and of these the largest. Both bounds are on expectations.
std::function<double(const std::vector<Row>&)> largest_mean(const char* name) {
  return [=](const std::vector<Row>& rows) {
    double largest = std::numeric_limits<double>::quiet_NaN();
    for (const char* family : {"random", "gradient", "adversarial", "switching off"}) {
      double at_last = std::numeric_limits<double>::quiet_NaN();
      for (const auto& group : group_by(rows_of(rows, "R", family), {"R"})) {
        if (countable(group.front())) at_last = linalg::mean(column(group, name));
      }
      largest = std::fmax(largest, at_last);
    }
    return largest;
  };
}

double largest_change_inside(const std::vector<Row>& rows) {
  double largest = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : rows) {
    if (near_enough_for_limit_kernel(row)) {
      largest = std::fmax(largest, row.at("kernel_over_bound"));
    }
  }
  return largest;
}

}  // namespace

Claim du_l3_2() {
  return {
      .id = "du-l3.2",
      .group = Group::two_layer,
      .statement =
          "|w_r - w_r(0)| <= R for all r flips a sign with probability at most 2R/sqrt(2 pi) and "
          "changes E|H_ij - H_ij(0)| by at most 4R/sqrt(2 pi)",
      .source = "Du et al. 2018, Lemma 3.2",
      .quantity = "share of signs flipped, change of the kernel",
      .window =
          "R <= O(p lambda_0 / n^2) for |H - H(0)|_2 < lambda_0 / 4 with probability 1 - p: with 1 "
          "for the constant and p = 0.1, R = 3e-4 lies inside; the two bounds hold at any R",
      .inside_window = near_enough_for_limit_kernel,
      .expected = {VerdictKind::tight},
      .designs = [](Scale scale) -> std::vector<Design> {
        return {{.name = "R",
                 .fixed = {{"n", 10}, {"m", pick(scale, 8192.0, 16384.0, 65536.0)}},
                 .seeds = pick(scale, 4, 10, 30)}};
      },
      .measure = measure,
      .memory = two_layer_memory,
      .laws = {in_radius("share of flips", "flips_share", "adversarial"),
               in_radius("share of flips", "flips_share", "gradient"),
               in_radius("share of flips", "flips_share", "random"),
               in_radius("largest |H_ij - H_ij(0)|", "entry_change", "switching off"),
               in_radius("|H - H(0)|_2", "kernel_change", "switching off")},
      .checks = {{.name = "largest share of flips / (2R / sqrt(2 pi)), at the largest R",
                  .meaning =
                      "at most 1; the adversary lacks what neurons near two hyperplanes would add",
                  .value = largest_mean("flips_over_bound"),
                  .low = 0.75,
                  .high = 1},
                 {.name = "largest |H_ij - H_ij(0)| / (4R / sqrt(2 pi)), at the largest R",
                  .meaning = "at most 1; 1/4 for an adversary who switches off one input's neurons",
                  .value = largest_mean("entry_over_bound"),
                  .low = 0,
                  .high = 1},
                 {.name = "largest |H - H(0)|_2 / (lambda_0 / 4) inside the window",
                  .meaning = "the lemma, for all families",
                  .value = largest_change_inside,
                  .low = 0,
                  .high = 1}},
      .positive_control =
          {.description = "n = 5, m = 4096",
           .designs = {{.name = "R", .fixed = {{"n", 5}, {"m", 4096}, {"dx", 10}}, .seeds = 12}}},
      .negative_control =
          {.description =
               "Gaussian neurons broken: a fifth of them are 1e-9 of their size, so any move flips "
               "their signs",
           .designs = {{.name = "R",
                        .fixed = {{"n", 5}, {"m", 2048}, {"dx", 10}, {"dead", 0.2}},
                        .seeds = 3}}},
  };
}

}  // namespace overparam::claims
