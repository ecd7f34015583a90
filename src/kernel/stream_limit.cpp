// SPDX-License-Identifier: Apache-2.0
#include "stream_limit.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/work_queue.hpp"
#include "pair_arrays.hpp"

namespace overparam::kernel {

namespace {

constexpr std::size_t kShifts = 8;

/// Standard normals (dimensions, count) from a Sobol sequence, moved by a random shift modulo 1.
at::Tensor shifted_normals(std::int64_t dimensions,
                           std::int64_t count,
                           const base::Stream& stream) {
  constexpr std::int64_t kBits = 30;
  at::Tensor state = at::zeros({dimensions, kBits}, at::kLong);
  at::_sobol_engine_initialize_state_(state, dimensions);
  at::Tensor points = std::get<0>(at::_sobol_engine_draw(
      at::zeros({dimensions}, at::kLong), count, state, dimensions, 0, at::kDouble));
  base::Random random(stream);
  at::Tensor normals = points.t().contiguous();  // (dimensions, count)
  for (std::int64_t k = 0; k < dimensions; ++k) {
    at::Tensor row = normals[k];
    row.add_(random.uniform()).frac_().clamp_(1e-12, 1 - 1e-12);
  }
  return normals.mul_(2).sub_(1).erfinv_().mul_(std::sqrt(2.0));
}

/// <h, h'> of one layer: its diagonal and 1 - cos.
struct Products {
  double square = 0;
  double gap = 0;

  [[nodiscard]] double of_pair() const { return square * (1 - gap); }
};

/// One walk through the network with one set of particles.
class Walk {
 public:
  Walk(const LimitProgram& program, double gap, const at::Tensor& normals)
      : program_(program),
        layers_(program.layers.size()),
        normals_(normals),
        left_(static_cast<std::size_t>(normals.size(1))),
        right_(left_.size()) {
    features_.push_back({1, gap});
    slopes_.push_back(0);
    for (std::size_t layer = 1; layer < layers_; ++layer) forward(layer);
  }

  [[nodiscard]] LimitValues values() const {
    LimitValues values;
    for (const auto& term : program_.layers.back().terms) {
      const double products = features_[static_cast<std::size_t>(term.source)].of_pair();
      values.read_out += term.gain_squared * products;
      values.conjugate += term.forward * products;
    }
    values.tangent = backward();
    return values;
  }

 private:
  const LimitLayer& shape(std::size_t layer) const { return program_.layers[layer - 1]; }

  void forward(std::size_t layer) {
    const auto& term = shape(layer).terms.front();
    const Products& source = features_[static_cast<std::size_t>(term.source)];
    const auto m = static_cast<double>(shape(layer).channels);
    const Products pre{m * term.forward * source.square, source.gap};  // m E g g'
    if (shape(layer).skip_source > 0) {
      add_branch(pre);
      keep_survivors(layer);
      return;
    }
    const auto& activation = shape(layer).activation;
    Products next{pre.square * activation.square()};
    double slope = 0;
    advance_gaps(activation.share_of_even(), 1, &pre.gap, &next.gap, &slope);
    features_.push_back(next);
    slopes_.push_back(slope * activation.square());
    if (starts_stream(layer)) {
      std::ranges::fill(left_, 0);
      std::ranges::fill(right_, 0);
      add_branch(pre);
      stream_.assign(1, layer);
      alive_.assign(1, masks_);
    }
  }

  [[nodiscard]] bool starts_stream(std::size_t layer) const {
    return std::ranges::any_of(program_.layers, [&](const LimitLayer& other) {
      return other.skip_source == static_cast<int>(layer);
    });
  }

  /// H <- relu(H + G) for both copies, and the mask of each particle.
  void add_branch(const Products& pre) {
    const std::int64_t dimension = 2 * std::ssize(used_);
    used_.push_back(dimension);
    const double* along = normals_[dimension].data_ptr<double>();
    const double* across = normals_[dimension + 1].data_ptr<double>();
    const double size = std::sqrt(pre.square);
    const double cosine = 1 - pre.gap;
    const double sine = std::sqrt(std::fmax(0, pre.gap * (2 - pre.gap)));
    masks_.resize(left_.size());
    for (std::size_t k = 0; k < left_.size(); ++k) {
      const double g = left_[k] + size * along[k];
      const double other = right_[k] + size * (cosine * along[k] + sine * across[k]);
      left_[k] = std::fmax(g, 0);
      right_[k] = std::fmax(other, 0);
      masks_[k] = g > 0 && other > 0;
    }
  }

  void keep_survivors(std::size_t layer) {
    double square = 0;
    double distance = 0;
    for (std::size_t k = 0; k < left_.size(); ++k) {
      square += left_[k] * left_[k];
      distance += (left_[k] - right_[k]) * (left_[k] - right_[k]);
    }
    const auto count = static_cast<double>(left_.size());
    features_.push_back({square / count, distance / (2 * square)});
    slopes_.push_back(0);
    stream_.push_back(layer);
    alive_.push_back(masks_);
  }

  /// P(l..j) for j = l, l + 1, ... along the stream.
  [[nodiscard]] std::vector<double> survival(std::size_t l) const {
    std::vector<double> share;
    std::vector<unsigned char> alive = alive_[l];
    for (std::size_t j = l; j < alive_.size(); ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < alive.size(); ++k) {
        alive[k] = alive[k] & alive_[j][k];
        sum += alive[k];
      }
      share.push_back(sum / static_cast<double>(alive.size()));
    }
    return share;
  }

  [[nodiscard]] double backward() const {
    std::vector<double> arrived(layers_ + 1, 0);  // e of each layer
    double kernel = 0;
    for (std::size_t layer = layers_; layer >= 1; --layer) {
      const double delta = layer == layers_ ? 1 : delta_of(layer, arrived);
      for (const auto& term : shape(layer).terms) {
        const auto block = static_cast<std::size_t>(term.block);
        const auto source = static_cast<std::size_t>(term.source);
        if (program_.trained[block] && !program_.read_outs[block]) {
          kernel += term.gain_squared * delta * features_[source].of_pair();
        }
        arrived[source] += term.backward * delta;
      }
    }
    return kernel;
  }

  [[nodiscard]] double delta_of(std::size_t layer, const std::vector<double>& arrived) const {
    const auto place = std::ranges::find(stream_, layer);
    if (place == stream_.end()) return arrived[layer] * slopes_[layer];
    const auto l = static_cast<std::size_t>(place - stream_.begin());
    const auto share = survival(l);
    double delta = 0;
    for (std::size_t j = l; j < stream_.size(); ++j) delta += arrived[stream_[j]] * share[j - l];
    return delta;
  }

  const LimitProgram& program_;
  std::size_t layers_;
  at::Tensor normals_;              // (dimensions, particles)
  std::vector<Products> features_;  // by source
  std::vector<double> slopes_;      // E D D' of layers outside the stream
  std::vector<std::size_t> stream_;
  std::vector<double> left_;   // H of each particle
  std::vector<double> right_;  // H' of each particle
  std::vector<unsigned char> masks_;
  std::vector<std::vector<unsigned char>> alive_;  // D D' of each particle, by place in the stream
  std::vector<std::int64_t> used_;                 // dimensions
};

LimitEstimate estimate_of(const std::vector<LimitValues>& values) {
  const auto count = static_cast<double>(values.size());
  LimitEstimate estimate;
  for (const auto member :
       {&LimitValues::tangent, &LimitValues::read_out, &LimitValues::conjugate}) {
    double sum = 0;
    double squares = 0;
    for (const auto& value : values) sum += value.*member;
    const double mean = sum / count;
    for (const auto& value : values) squares += (value.*member - mean) * (value.*member - mean);
    estimate.mean.*member = mean;
    estimate.standard_error.*member = std::sqrt(squares / (count * (count - 1)));
  }
  return estimate;
}

}  // namespace

std::vector<LimitEstimate> stream_limits(const LimitProgram& program,
                                         const std::vector<double>& gaps,
                                         std::int64_t particles,
                                         std::uint64_t seed) {
  const std::int64_t dimensions = 2 * std::ssize(program.layers);
  std::vector<std::vector<LimitValues>> values(gaps.size(), std::vector<LimitValues>(kShifts));
  for (std::size_t shift = 0; shift < kShifts; ++shift) {
    const at::Tensor normals =
        shifted_normals(dimensions, particles / kShifts, {seed, "particles", shift});
    std::vector<base::WorkItem> items;
    for (std::size_t k = 0; k < gaps.size(); ++k) {
      items.push_back({fmt::format("gap {:.3g}", gaps[k]), 0, [&, k, shift] {
                         values[k][shift] = Walk(program, gaps[k], normals).values();
                       }});
    }
    const auto summary = base::WorkQueue().run(items);
    summary.rethrow();
    base::require(summary.skipped == 0, ErrorKind::usage, "infinite kernel: interrupted");
  }
  std::vector<LimitEstimate> estimates;
  for (const auto& of_gap : values) estimates.push_back(estimate_of(of_gap));
  return estimates;
}

}  // namespace overparam::kernel
