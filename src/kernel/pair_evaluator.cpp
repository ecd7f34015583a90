// SPDX-License-Identifier: Apache-2.0
#include "pair_evaluator.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "pair_arrays.hpp"

namespace overparam::kernel {

namespace {

/// E phi(g)^2 for g of these variances, entry by entry.
at::Tensor second_moments(const LimitActivation& activation, const at::Tensor& variances) {
  at::Tensor out = at::empty_like(variances);
  const at::Tensor from = variances.contiguous();
  const auto* q = from.data_ptr<double>();
  auto* result = out.data_ptr<double>();
  for (std::int64_t k = 0; k < from.numel(); ++k) {
    const bool known = k > 0 && q[k] == q[k - 1];
    result[k] = known ? result[k - 1] : activation.moments(q[k], q[k], q[k]).product;
  }
  return out;
}

}  // namespace

SampleNorms sample_norms(const LimitProgram& program,
                         const at::Tensor& inputs,
                         at::ScalarType type) {
  SampleNorms norms;
  const at::Tensor of_inputs =
      program.input_cells == 1 ? inputs.norm(2, 1).view({1, -1}) : inputs.t().abs();  // (cells, n)
  std::vector<at::Tensor> squares{of_inputs.square()};
  norms.features.push_back(of_inputs);
  norms.pre.emplace_back();
  norms.inverse.emplace_back();
  norms.has_zeros.push_back(false);
  for (const auto& layer : program.layers) {
    at::Tensor pre = at::zeros({layer.positions, inputs.size(0)}, at::kDouble);  // squared
    for (const auto& term : layer.terms) {
      for (std::int64_t p = 0; p < layer.positions; ++p) {
        if (term.is_bias) {
          pre[p].add_(term.forward);
          continue;
        }
        const at::Tensor& source = squares[static_cast<std::size_t>(term.source)];
        for (const auto k : term.cells[static_cast<std::size_t>(p)]) {
          pre[p].add_(source[k], term.forward);
        }
      }
    }
    const auto m = static_cast<double>(layer.channels);
    squares.push_back(layer.activation.is_homogeneous ? pre * (m * layer.activation.square())
                                                      : second_moments(layer.activation, pre * m));
    norms.has_zeros.push_back(pre.min().item<double>() == 0);
    norms.pre.push_back(pre.sqrt());
    norms.inverse.push_back(at::where(pre > 0, pre.rsqrt(), at::zeros_like(pre)));
    norms.features.push_back(squares.back().sqrt());
  }
  for (auto* list : {&norms.pre, &norms.inverse, &norms.features}) {
    for (auto& tensor : *list) {
      if (tensor.defined()) tensor = tensor.to(type).contiguous();
    }
  }
  return norms;
}

template <typename Real>
struct PairEvaluator<Real>::Run {
  std::int64_t i;
  std::int64_t begin;
  std::int64_t pairs;

  [[nodiscard]] Real of_left(const at::Tensor& values, std::int64_t cell) const {
    return values.data_ptr<Real>()[cell * values.size(1) + i];
  }
  [[nodiscard]] const Real* of_right(const at::Tensor& values, std::int64_t cell) const {
    return values.data_ptr<Real>() + cell * values.size(1) + begin;
  }
};

template <typename Real>
PairEvaluator<Real>::PairEvaluator(const LimitProgram& program,
                                   const SampleNorms& left,
                                   const SampleNorms& right,
                                   std::int64_t most_pairs)
    : program_(program),
      left_(left),
      right_(right),
      most_pairs_(most_pairs),
      below_trained_(program.layers.size() + 1, false),
      summed_(static_cast<std::size_t>(most_pairs)),
      ones_(static_cast<std::size_t>(most_pairs), Real{1}) {
  for (std::size_t source = 0; source <= program.layers.size(); ++source) {
    const auto size =
        static_cast<std::size_t>(program.cells_of(static_cast<int>(source)) * most_pairs);
    gaps_.emplace_back(size);
    slopes_.emplace_back(source == 0 ? 0 : size);
    cotangents_.emplace_back(source == 0 ? 0 : size);
    if (source == 0) continue;
    for (const auto& term : program.layers[source - 1].terms) {
      if (program.trained[static_cast<std::size_t>(term.block)] ||
          below_trained_[static_cast<std::size_t>(term.source)]) {
        below_trained_[source] = true;
      }
    }
  }
}

/// The gap of g: that of its only part, or of a sum of parts.
template <typename Real>
const Real* PairEvaluator<Real>::pre_gap(const Run& run, std::size_t layer, std::int64_t position) {
  const auto& terms = program_.layers[layer - 1].terms;
  const auto& first = terms.front();
  if (terms.size() == 1 && first.cells[static_cast<std::size_t>(position)].size() == 1) {
    return row(gaps_,
               static_cast<std::size_t>(first.source),
               first.cells[static_cast<std::size_t>(position)][0]);
  }
  std::fill_n(summed_.begin(), run.pairs, Real{0});
  const Real left_inverse = run.of_left(left_.inverse[layer], position);
  const Real* right_inverse = run.of_right(right_.inverse[layer], position);
  for (const auto& term : terms) {
    const auto root = static_cast<Real>(std::sqrt(term.forward));
    if (term.is_bias) {
      // Its gap is 0 whatever stands there: equal constants. The product with itself adds nothing.
      for (std::int64_t j = 0; j < run.pairs; ++j) {
        const Real difference = root * (left_inverse - right_inverse[j]);
        summed_[static_cast<std::size_t>(j)] += difference * difference / 2;
      }
      continue;
    }
    const auto source = static_cast<std::size_t>(term.source);
    for (const auto k : term.cells[static_cast<std::size_t>(position)]) {
      add_part(run.pairs,
               root * run.of_left(left_.features[source], k) * left_inverse,
               root,
               run.of_right(right_.features[source], k),
               right_inverse,
               row(gaps_, source, k),
               summed_.data());
    }
  }
  return summed_.data();
}

template <typename Real>
void PairEvaluator<Real>::activate(const Run& run,
                                   std::size_t layer,
                                   std::int64_t position,
                                   const Real* gap) {
  const auto& activation = program_.layers[layer - 1].activation;
  Real* next = row(gaps_, layer, position);
  Real* slope = row(slopes_, layer, position);
  if (activation.is_homogeneous) {
    advance_gaps(activation.share_of_even(), run.pairs, gap, next, slope);
    if (left_.has_zeros[layer] || right_.has_zeros[layer]) mend_zeros(run, layer, position);
    return;
  }
  const auto m = static_cast<double>(program_.layers[layer - 1].channels);
  const double q = run.of_left(left_.pre[layer], position);
  const Real* others = run.of_right(right_.pre[layer], position);
  const double size = run.of_left(left_.features[layer], position);
  const Real* sizes = run.of_right(right_.features[layer], position);
  for (std::int64_t j = 0; j < run.pairs; ++j) {
    const double other = others[j];
    const auto moments = activation.moments(
        m * q * q, m * q * other * (1 - static_cast<double>(gap[j])), m * other * other);
    const double scale = size * static_cast<double>(sizes[j]);
    next[j] = static_cast<Real>(scale > 0 ? 1 - moments.product / scale : 0);
    slope[j] = static_cast<Real>(moments.slopes);
  }
}

/// Where g = 0 for all neurons, the passes take one slope for all of them.
template <typename Real>
void PairEvaluator<Real>::mend_zeros(const Run& run, std::size_t layer, std::int64_t position) {
  const auto& activation = program_.layers[layer - 1].activation;
  const double at_zero = activation.slope_at_zero;
  const bool left_is_zero = run.of_left(left_.pre[layer], position) == 0;
  const Real* others = run.of_right(right_.pre[layer], position);
  Real* slope = row(slopes_, layer, position);
  for (std::int64_t j = 0; j < run.pairs; ++j) {
    if (!left_is_zero && others[j] != 0) continue;
    const double mean = left_is_zero && others[j] == 0 ? at_zero : activation.odd;
    slope[j] = static_cast<Real>(at_zero * mean / activation.square());
  }
}

template <typename Real>
void PairEvaluator<Real>::forward(const Run& run) {
  for (std::size_t layer = 1; layer < program_.layers.size(); ++layer) {
    for (std::int64_t p = 0; p < program_.layers[layer - 1].positions; ++p) {
      activate(run, layer, p, pre_gap(run, layer, p));
    }
  }
}

/// out += s^2 weight sum_k <h_k, h'_k>
template <typename Real>
void PairEvaluator<Real>::add_kernel_of(
    const Run& run, const LimitTerm& term, std::int64_t position, const Real* weight, Real* out) {
  const auto factor = static_cast<Real>(term.gain_squared);
  if (term.is_bias) {
    add_scaled(run.pairs, factor, weight, out);
    return;
  }
  const auto source = static_cast<std::size_t>(term.source);
  for (const auto k : term.cells[static_cast<std::size_t>(position)]) {
    add_products(run.pairs,
                 factor * run.of_left(left_.features[source], k),
                 run.of_right(right_.features[source], k),
                 row(gaps_, source, k),
                 weight,
                 out);
  }
}

template <typename Real>
void PairEvaluator<Real>::backward(const Run& run, Real* out) {
  const std::size_t top = program_.layers.size();
  for (std::size_t layer = 1; layer < top; ++layer) {
    std::fill(cotangents_[layer].begin(), cotangents_[layer].end(), Real{0});
  }
  for (std::size_t layer = top; layer >= 1; --layer) {
    const auto& shape = program_.layers[layer - 1];
    for (std::int64_t p = 0; p < shape.positions; ++p) {
      Real* delta = layer == top ? ones_.data() : row(cotangents_, layer, p);
      if (layer != top) {
        const double square = shape.activation.is_homogeneous ? shape.activation.square() : 1;
        scale_by(run.pairs, static_cast<Real>(square), row(slopes_, layer, p), delta);
      }
      for (const auto& term : shape.terms) {
        const auto block = static_cast<std::size_t>(term.block);
        if (program_.trained[block] && !program_.read_outs[block]) {
          add_kernel_of(run, term, p, delta, out);
        }
        if (term.is_bias || !below_trained_[static_cast<std::size_t>(term.source)]) continue;
        for (const auto k : term.cells[static_cast<std::size_t>(p)]) {
          add_scaled(run.pairs,
                     static_cast<Real>(term.backward),
                     delta,
                     row(cotangents_, static_cast<std::size_t>(term.source), k));
        }
      }
    }
  }
}

template <typename Real>
void PairEvaluator<Real>::evaluate(
    LimitQuantity quantity, std::int64_t i, std::int64_t begin, std::int64_t pairs, Real* out) {
  const Run run{i, begin, pairs};
  std::fill_n(out, pairs, Real{0});
  forward(run);
  if (quantity == LimitQuantity::tangent) {
    backward(run, out);
    return;
  }
  const std::size_t top = program_.layers.size();
  for (const auto& term : program_.layers[top - 1].terms) {
    LimitTerm wanted = term;
    if (quantity == LimitQuantity::conjugate) wanted.gain_squared = term.forward;
    add_kernel_of(run, wanted, 0, ones_.data(), out);
  }
}

template class PairEvaluator<double>;
template class PairEvaluator<float>;

}  // namespace overparam::kernel
