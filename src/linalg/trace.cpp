// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/trace.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orthonormal_rows.hpp"
#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/fit.hpp"

namespace overparam::linalg {

namespace {

std::int64_t sketch_size(std::int64_t size, const TraceOptions& options) {
  return std::min<std::int64_t>(size, options.products / 3);
}

class TraceSampler {
 public:
  TraceSampler(const SymmetricOperator& op, std::int64_t size, const TraceOptions& options)
      : op_(op),
        options_(options),
        probe_(at::empty({size}, at::kDouble)),
        image_(at::empty({size}, at::kDouble)) {}

  /// Q = orth(M S) for normal S, of full rank where signs of few rows may repeat themselves, and
  /// tr Q^T M Q. False if it was told to stop.
  bool sketch(std::int64_t count) {
    sketch_ = at::empty({count, probe_.numel()}, options_.basis);
    overlaps_ = at::empty({count}, at::kDouble);
    for (std::int64_t i = 0; i < count; ++i) {
      base::fill_normal(probe_, 1, stream("hutch++ sketch", i));
      if (!multiply()) return false;
      const double scale = std::sqrt(sum_of_products(image_, image_));
      if (scale == 0 || orthonormalise(image_, known(), overlaps_, scale) == 0) continue;
      sketch_[result_.rank++].copy_(image_);
    }
    for (std::int64_t i = 0; i < result_.rank; ++i) {
      probe_.copy_(sketch_[i]);
      if (!multiply()) return false;
      result_.sketched += sum_of_products(probe_, image_);
    }
    return true;
  }

  /// Hutchinson's estimate of what the sketch leaves. False if it was told to stop.
  bool sample(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      base::fill_signs(probe_, stream("trace probe", i));
      if (result_.rank > 0) remove_rows(probe_, known(), overlaps_);
      if (!multiply()) return false;
      result_.samples.push_back(sum_of_products(probe_, image_));
    }
    return true;
  }

  [[nodiscard]] int products() const { return result_.products; }
  [[nodiscard]] bool spans_all() const { return result_.rank == probe_.numel(); }

  TraceEstimate finish(bool complete) {
    const Estimate rest = complete && spans_all() ? Estimate{} : estimate_mean(result_.samples);
    result_.value = result_.sketched + rest.value;
    result_.standard_error = rest.standard_error;
    result_.complete = complete;
    return result_;
  }

 private:
  [[nodiscard]] base::Stream stream(std::string_view purpose, std::int64_t index) const {
    return {options_.seed, purpose, static_cast<std::uint64_t>(index)};
  }

  /// image = M probe. False if it was told to stop.
  bool multiply() {
    if (options_.keep_going && !options_.keep_going()) return false;
    op_(probe_, image_);
    ++result_.products;
    base::require(std::isfinite(sum_of_products(image_, image_)),
                  ErrorKind::numeric,
                  "trace: the operator gave a number that is not finite");
    return true;
  }

  [[nodiscard]] at::Tensor known() const { return sketch_.narrow(0, 0, result_.rank); }

  const SymmetricOperator& op_;
  const TraceOptions& options_;
  at::Tensor probe_;     // (N)
  at::Tensor image_;     // (N)
  at::Tensor sketch_;    // (k, N)
  at::Tensor overlaps_;  // (k)
  TraceEstimate result_;
};

void check(std::int64_t size, const TraceOptions& options, int least) {
  base::require(size > 0 && options.products >= least,
                ErrorKind::usage,
                "trace: expected {} products or more of an operator of one row or more, found {} "
                "and {} rows",
                least,
                options.products,
                size);
}

}  // namespace

TraceEstimate hutchinson_trace(const SymmetricOperator& op,
                               std::int64_t size,
                               const TraceOptions& options) {
  check(size, options, 1);
  TraceSampler sampler(op, size, options);
  return sampler.finish(sampler.sample(options.products));
}

TraceEstimate hutch_plus_plus_trace(const SymmetricOperator& op,
                                    std::int64_t size,
                                    const TraceOptions& options) {
  check(size, options, 3);
  TraceSampler sampler(op, size, options);
  const bool sketched = sampler.sketch(sketch_size(size, options));
  if (!sketched || sampler.spans_all()) return sampler.finish(sketched);
  return sampler.finish(sampler.sample(options.products - sampler.products()));
}

base::MemoryPlan plan_trace(std::int64_t size, const TraceOptions& options) {
  base::MemoryPlan plan("trace");
  plan.add("sketch", {sketch_size(size, options), size}, c10::elementSize(options.basis));
  plan.add("working vectors", {2, size}, sizeof(double));
  return plan;
}

}  // namespace overparam::linalg
