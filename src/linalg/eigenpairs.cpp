// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/eigenpairs.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orthonormal_rows.hpp"
#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"

namespace overparam::linalg {

namespace {

std::int64_t basis_size(std::int64_t size, const EigenpairOptions& options) {
  return std::min<std::int64_t>(size,
                                options.max_basis > 0 ? options.max_basis : options.max_products);
}

void check(std::int64_t size, const EigenpairOptions& options) {
  const std::int64_t wanted = std::int64_t{options.smallest} + options.largest;
  base::require(
      std::min(options.smallest, options.largest) >= 0 && wanted > 0 && wanted <= size,
      ErrorKind::usage,
      "eigenpairs: expected 1 to {} pairs in all, found {} of the smallest and {} of the largest",
      size,
      options.smallest,
      options.largest);
  base::require(options.max_products >= wanted,
                ErrorKind::usage,
                "eigenpairs: expected {} products or more for as many pairs, found {}",
                wanted,
                options.max_products);
  base::require(options.max_basis == 0 || options.max_basis >= std::min(size, wanted + 2),
                ErrorKind::usage,
                "eigenpairs: expected a basis of {} vectors or more for {} pairs, found {}",
                std::min(size, wanted + 2),
                wanted,
                options.max_basis);
  base::require(options.tolerance >= 0,
                ErrorKind::usage,
                "eigenpairs: the tolerance is negative, {}",
                options.tolerance);
  const at::Tensor& start = options.start;
  base::require(
      !start.defined() || ((start.dim() == 1 || start.dim() == 2) && start.size(-1) == size),
      ErrorKind::usage,
      "eigenpairs: expected a start ({0}) or (p, {0}), found ({1})",
      size,
      start.defined() ? fmt::format("{}", fmt::join(start.sizes(), ", ")) : "");
}

/// `index` 0 is the first start, the others go on where a Krylov space is exhausted.
at::Tensor random_start(std::int64_t size, std::uint64_t seed, int index) {
  at::Tensor start = at::empty({size}, at::kDouble);
  base::fill_normal(
      start, 1, base::Stream(seed, "eigenpairs start", static_cast<std::uint64_t>(index)));
  return start;
}

at::Tensor first_start(std::int64_t size, const EigenpairOptions& options) {
  if (!options.start.defined()) return random_start(size, options.seed, 0);
  return options.start.dim() == 1 ? options.start : options.start.sum(0, false, at::kDouble);
}

double relative(double residual, double value) {
  return residual == 0 ? 0 : residual / std::abs(value);
}

/// What the process says of all its Ritz pairs.
struct Ritz {
  at::Tensor values;        // (k) ascending
  at::Tensor coefficients;  // (k, k), one a row
  std::vector<double> theta;
  std::vector<double> residuals;  // |M v - theta v|
};

class Search {
 public:
  Search(const SymmetricOperator& op, std::int64_t size, const EigenpairOptions& options)
      : size_(size),
        options_(options),
        process_([&op](const at::Tensor& v, at::Tensor& out) { op(v, out); },
                 first_start(size, options),
                 static_cast<int>(basis_size(size, options)),
                 {.basis = options.basis}) {}

  Eigenpairs run() {
    bool done = false;
    while (!done && process_.products() < options_.max_products && may_go_on() && make_room()) {
      process_.extend(1);
      current_ = false;
      done = is_due() && is_done();
    }
    Eigenpairs result{.products = process_.products()};
    if (result.products == 0) {
      result.vectors = at::empty({0, size_}, options_.basis);
      return result;
    }
    update();
    const auto chosen = wanted();
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      auto& end = i < num_smallest() ? result.smallest : result.largest;
      end.push_back(pair(chosen[i]));
    }
    result.vectors = process_.combine(rows(chosen));
    result.converged = done;
    return result;
  }

 private:
  [[nodiscard]] bool may_go_on() const { return !options_.keep_going || options_.keep_going(); }

  /// The dense problem of the Ritz values is solved after each product where it costs less than
  /// what that did, and less often where it does not.
  [[nodiscard]] bool is_due() const {
    const std::int64_t k = process_.size();
    const bool last =
        process_.full() || process_.complete() || process_.products() == options_.max_products;
    return last || k * k <= size_ || process_.products() % std::max<std::int64_t>(1, k / 10) == 0;
  }

  /// Sees to it that another product is possible. False if there is none to do.
  bool make_room() {
    if (process_.full() && process_.size() < size_) thicken();
    if (!process_.complete()) return !process_.full();
    return process_.renew(random_start(size_, options_.seed, ++renewals_));
  }

  void thicken() {
    update();
    const std::int64_t kept = wanted_pairs() + (process_.size() - wanted_pairs()) / 2;
    const std::int64_t below = kept * options_.smallest / wanted_pairs();
    const auto order = ends(below, kept - below);
    const at::Tensor values = ritz_.values.index_select(0, at::tensor(order, at::kLong));
    process_.restart(values, rows(order));
  }

  bool is_done() {
    update();
    if (process_.complete()) ++exhausted_;
    if (process_.size() < wanted_pairs()) return false;
    if (process_.complete()) {
      // As many exhausted spaces as pairs at one end hold every copy that could be among them.
      return process_.size() == size_ ||
             exhausted_ >= std::max(options_.smallest, options_.largest);
    }
    // Pairs of a space before this one do not say that this one holds no further copies.
    if (exhausted_ > 0) return false;
    const double rounding =
        1e-14 * std::max(std::abs(ritz_.theta.front()), std::abs(ritz_.theta.back()));
    return std::ranges::all_of(wanted(), [&](std::int64_t i) {
      const auto index = static_cast<std::size_t>(i);
      return ritz_.residuals[index] <=
             std::max(options_.tolerance * std::abs(ritz_.theta[index]), rounding);
    });
  }

  void update() {
    if (current_) return;
    const auto [values, vectors] = at::linalg_eigh(process_.projected());
    const std::int64_t k = process_.size();
    const at::Tensor last = vectors.select(0, k - 1).abs() * process_.off_diagonal().back();
    const at::Tensor residuals = last.contiguous();
    const at::Tensor theta = values.contiguous();
    ritz_ = {.values = theta,
             .coefficients = vectors.t().contiguous(),
             .theta = {theta.data_ptr<double>(), theta.data_ptr<double>() + k},
             .residuals = {residuals.data_ptr<double>(), residuals.data_ptr<double>() + k}};
    current_ = true;
  }

  /// Which Ritz pairs lie at the ends: the least ones ascending, then the greatest descending.
  [[nodiscard]] std::vector<std::int64_t> ends(std::int64_t below, std::int64_t above) const {
    const std::int64_t k = process_.size();
    below = std::min(below, k);
    above = std::min(above, k - below);
    std::vector<std::int64_t> order;
    for (std::int64_t i = 0; i < below; ++i) order.push_back(i);
    for (std::int64_t i = 0; i < above; ++i) order.push_back(k - 1 - i);
    return order;
  }

  [[nodiscard]] std::vector<std::int64_t> wanted() const {
    return ends(options_.smallest, options_.largest);
  }

  [[nodiscard]] std::size_t num_smallest() const {
    return static_cast<std::size_t>(std::min(options_.smallest, process_.size()));
  }

  [[nodiscard]] std::int64_t wanted_pairs() const {
    return std::int64_t{options_.smallest} + options_.largest;
  }

  [[nodiscard]] at::Tensor rows(const std::vector<std::int64_t>& order) const {
    return ritz_.coefficients.index_select(0, at::tensor(order, at::kLong));
  }

  [[nodiscard]] Eigenpair pair(std::int64_t i) const {
    const auto index = static_cast<std::size_t>(i);
    return {.value = ritz_.theta[index],
            .claimed_residual = relative(ritz_.residuals[index], ritz_.theta[index])};
  }

  std::int64_t size_;
  const EigenpairOptions& options_;
  Lanczos process_;
  Ritz ritz_;
  bool current_ = false;
  int exhausted_ = 0;
  int renewals_ = 0;
};

/// One product a pair, while they are wanted.
void examine(const SymmetricOperator& op, const EigenpairOptions& options, Eigenpairs& result) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  at::Tensor v = at::empty({result.vectors.size(1)}, at::kDouble);
  at::Tensor image = at::empty_like(v);
  std::int64_t row = 0;
  bool running = true;
  for (auto* end : {&result.smallest, &result.largest}) {
    for (Eigenpair& pair : *end) {
      v.copy_(result.vectors[row++]);
      running = running && (!options.keep_going || options.keep_going());
      if (!running) {
        pair.rayleigh_quotient = pair.residual = kUnknown;
        continue;
      }
      const double norm = normalise(v, 0);  // of a float32 row, 1 to rounding only
      base::ensure(norm > 0, "eigenpairs: found a vector that is zero");
      op(v, image);
      ++result.checks;
      pair.rayleigh_quotient = sum_of_products(v, image);
      add_multiple(image, v, -pair.rayleigh_quotient);
      pair.residual = relative(std::sqrt(sum_of_products(image, image)), pair.rayleigh_quotient);
    }
  }
}

}  // namespace

Eigenpairs eigenpairs(const SymmetricOperator& op,
                      std::int64_t size,
                      const EigenpairOptions& options) {
  check(size, options);
  Eigenpairs result = Search(op, size, options).run();  // whose basis is freed here
  examine(op, options, result);
  return result;
}

base::MemoryPlan plan_eigenpairs(std::int64_t size, const EigenpairOptions& options) {
  const std::uint64_t number = c10::elementSize(options.basis);
  base::MemoryPlan plan("eigenpairs");
  plan.add("Lanczos vectors", {basis_size(size, options), size}, number);
  plan.add("eigenvectors", {std::int64_t{options.smallest} + options.largest, size}, number);
  plan.add("working vectors", {3, size}, sizeof(double));
  return plan;
}

}  // namespace overparam::linalg
