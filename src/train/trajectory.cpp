// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/trajectory.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "overparam/linalg/spectral_norm.hpp"

namespace overparam::train {

namespace {

constexpr std::int64_t kMostProbes = 1024;

std::int64_t after(std::int64_t step, std::int64_t divisor) {
  return step + std::max<std::int64_t>(1, step / divisor);
}

/// The first hundred steps, then 2 % more each time.
std::int64_t next_recorded(std::int64_t step) { return step < 100 ? step + 1 : after(step, 50); }

/// A fifth more each time.
std::int64_t next_full(std::int64_t step) { return after(step, 5); }

}  // namespace

double TrajectoryPoint::radius() const {
  return spectral_distance.empty() ? 0 : *std::ranges::max_element(spectral_distance);
}

Trajectory::Trajectory(const net::Network& network,
                       const Problem& problem,
                       Method method,
                       std::uint64_t seed,
                       net::Workspace& workspace)
    : problem_(problem),
      seed_(seed),
      num_probes_(method == Method::gd ? problem.size() : std::min(problem.size(), kMostProbes)),
      full_until_(method == Method::gauss_newton ? 30 : 0) {
  const net::Tape tape = network.record(problem.inputs.narrow(0, 0, num_probes_), workspace);
  initial_signs_ = net::SignPattern(network.architecture(), tape);
}

void Trajectory::observe(const Moment& moment) {
  const bool full = moment.step >= next_full_;
  if (!full && moment.step < next_recorded_) return;
  points_.push_back(measure(moment, full));
  next_recorded_ = next_recorded(moment.step);
  if (full) next_full_ = full_after(moment.step);
}

void Trajectory::finish(const Moment& moment) {
  if (!points_.empty() && points_.back().step == moment.step) {
    if (points_.back().is_full) return;
    points_.pop_back();
  }
  points_.push_back(measure(moment, true));
}

void Trajectory::restore(std::vector<TrajectoryPoint> points) {
  points_ = std::move(points);
  for (const auto& point : points_) {
    next_recorded_ = next_recorded(point.step);
    if (point.is_full) next_full_ = full_after(point.step);
  }
}

std::int64_t Trajectory::full_after(std::int64_t step) const {
  return step < full_until_ ? step + 1 : next_full(step);
}

TrajectoryPoint Trajectory::measure(const Moment& moment, bool full) const {
  TrajectoryPoint point{.step = moment.step,
                        .seconds = moment.seconds,
                        .objective = moment.evaluation.objective,
                        .accuracy = moment.evaluation.accuracy,
                        .is_full = full};
  if (moment.newton != nullptr) point.newton = *moment.newton;
  if (full) {
    measure_weights(moment, point);
    measure_samples(moment, point);
  }
  return point;
}

void Trajectory::measure_weights(const Moment& moment, TrajectoryPoint& point) const {
  const auto& shape = moment.network.architecture();
  double squared = 0;
  for (std::size_t i = 0; i < shape.blocks.size(); ++i) {
    const auto& block = shape.blocks[i];
    if (!block.trained) continue;
    const int index = static_cast<int>(i);
    linalg::Scratch scratch = moment.workspace.take({block.rows, block.columns});
    at::Tensor& difference = scratch.tensor();
    net::draw_initial_block(shape, index, seed_, difference);
    at::sub_out(difference, moment.network.parameters()[index], difference);
    const double norm = difference.norm().item<double>();
    squared += norm * norm;
    // A run that left the finite numbers is recorded as well, and one that almost did must not
    // overflow in the products.
    const bool is_usual = std::isfinite(norm) && norm > 0;
    point.spectral_distance.push_back(is_usual ? norm * linalg::spectral_norm(difference.div_(norm))
                                               : norm);
  }
  point.frobenius_distance = std::sqrt(squared);
}

void Trajectory::measure_samples(const Moment& moment, TrajectoryPoint& point) const {
  std::optional<net::Tape> recorded;
  at::Tensor own_cotangent;
  const net::Tape* tape = moment.tape;
  const at::Tensor* cotangent = moment.cotangent;
  if (tape == nullptr) {
    recorded.emplace(
        moment.network.record(problem_.inputs.narrow(0, 0, num_probes_), moment.workspace));
    own_cotangent = at::empty_like(recorded->outputs());
    net::evaluate(problem_.loss,
                  recorded->outputs(),
                  problem_.targets.narrow(0, 0, num_probes_),
                  {},
                  0,
                  &own_cotangent);
    tape = &*recorded;
    cotangent = &own_cotangent;
  }
  point.sign_changes = initial_signs_.changed_share(*tape);
  point.squared_gradient = std::numeric_limits<double>::quiet_NaN();
  if (num_probes_ == problem_.size()) {
    point.squared_gradient = 0;
    for (const double norm :
         moment.network.squared_gradient_norms(*tape, *cotangent, moment.workspace)) {
      point.squared_gradient += norm;
    }
  }
}

}  // namespace overparam::train
