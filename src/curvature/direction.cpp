// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/direction.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/catalogue.hpp"
#include "overparam/base/random.hpp"
#include "overparam/linalg/eigenpairs.hpp"
#include "overparam/linalg/vectors.hpp"

namespace overparam::curvature {

namespace {

constexpr base::EnumNames<DirectionMethod, 4> kMethods{
    {{DirectionMethod::lanczos, "lanczos"},
     {DirectionMethod::oja, "oja"},
     {DirectionMethod::neon_online, "neon-online"},
     {DirectionMethod::neon_det, "neon-det"}}};

/// Products that tell the largest eigenvalue well enough for a step.
constexpr int kProductsForScale = 10;

/// Of Neon2: how far it walks, over how far from W it starts.
constexpr double kRadiusOverStart = 10;

/// Neon2-det looks for curvature below -L / this: anything less negative does not grow.
constexpr double kChebyshevShare = 100;

linalg::SymmetricOperator as_operator(const HessianProduct& product) {
  return [&product](const at::Tensor& v, at::Tensor& out) { product(v, out); };
}

linalg::EigenpairOptions eigenpair_options(const HessianProduct& product,
                                           const DirectionOptions& options) {
  return {.max_products = options.max_products,
          .tolerance = options.tolerance,
          .start = options.start,
          .seed = options.seed,
          .keep_going = options.keep_going,
          .basis = product.weights().scalar_type()};
}

CurvedDirection from_pair(const linalg::Eigenpair& pair, const at::Tensor& vector) {
  return {.vector = vector,
          .curvature = pair.rayleigh_quotient,
          .residual = pair.residual,
          .claimed_residual = pair.claimed_residual};
}

/// v^T H v and |H v - c v| / |c|, from one product, whose image stays.
CurvedDirection measured(const HessianProduct& product, const at::Tensor& v, at::Tensor& image) {
  product(v, image);
  CurvedDirection found{.vector = v, .curvature = linalg::inner_product(v, image)};
  found.residual = linalg::norm_of(image.sub(v, found.curvature)) / std::abs(found.curvature);
  found.claimed_residual = std::nan("");
  return found;
}

/// Steps that find v through products with batches or through gradients, and what they need.
class Search {
 public:
  Search(const HessianProduct& product, const DirectionOptions& options)
      : product_(product), options_(options), batches_(product.objective().num_batches()) {
    linalg::EigenpairOptions scale = eigenpair_options(product, options);
    scale.smallest = 0;
    scale.largest = 1;
    scale.max_products = std::max(2, std::min(kProductsForScale, options.max_products / 3));
    scale.start = at::Tensor();
    const auto pairs = linalg::eigenpairs(as_operator(product), product.objective().size(), scale);
    products_ = pairs.products + pairs.checks;
    if (!pairs.largest.empty()) largest_ = std::abs(pairs.largest.front().value);
    base::require(largest_ > 0,
                  ErrorKind::numeric,
                  "the Hessian vanishes: there is no direction of curvature");
    step_ = options.step > 0 ? options.step : 1 / largest_;
  }

  CurvedDirection oja() {
    at::Tensor v = start();
    at::Tensor product = at::empty_like(v);
    while (may_go_on()) {
      product_.of_batch(next_batch(), v, product);
      v.sub_(product, step_);
      v.div_(linalg::norm_of(v));
    }
    return checked(v, "Oja's method, one batch a step");
  }

  /// Oja's iteration without its normalisation: the walk's own length is the difference's.
  CurvedDirection neon_online() {
    const auto& objective = product_.objective();
    const at::Tensor& centre = product_.weights();
    at::Tensor moved = start() * product_.step_length();  // x - W
    at::Tensor near = at::empty_like(moved);
    at::Tensor at_centre = at::empty_like(moved);
    bool arrived = false;
    while (!arrived && may_go_on()) {
      const std::int64_t batch = next_batch();
      objective.batch_gradient(centre + moved, batch, near);
      objective.batch_gradient(centre, batch, at_centre);
      moved.sub_(near.sub_(at_centre), step_);
      arrived = linalg::norm_of(moved) >= radius();
    }
    return checked(moved / linalg::norm_of(moved), words("Neon2-online", arrived));
  }

  /// y_{t+1} = 2 M(y_t) - y_{t-1} grows where M > 1, and x - W = y_{t+1} - M(y_t) with it.
  CurvedDirection neon_det() {
    const auto& objective = product_.objective();
    const at::Tensor& centre = product_.weights();
    const double share = 1 + 3 / (4 * kChebyshevShare);  // of (L + 3 delta / 4): M <= 1 on the rest
    at::Tensor at_centre = at::empty_like(centre);
    objective.gradient(centre, at_centre);
    products_ += 0.5;
    at::Tensor gradient = at::empty_like(centre);
    const auto M = [&](const at::Tensor& y) {
      objective.gradient(centre + y, gradient);
      products_ += 0.5;
      return (gradient - at_centre).mul_(-1 / largest_).add_(y, 2 - share);
    };
    at::Tensor former = at::zeros_like(centre);
    at::Tensor present = start() * product_.step_length();
    at::Tensor moved = present;
    bool arrived = false;
    while (!arrived && products_ < options_.max_products && keeps_going()) {
      const at::Tensor mapped = M(present);
      const at::Tensor next = 2 * mapped - former;
      moved = next - mapped;
      former = present;
      present = next;
      arrived = linalg::norm_of(moved) >= radius();
    }
    return checked(moved / linalg::norm_of(moved), words("Neon2-det", arrived));
  }

 private:
  [[nodiscard]] at::Tensor start() const {
    at::Tensor v =
        at::empty({1, product_.objective().size()}, product_.weights().options().device(at::kCPU));
    if (options_.start.defined()) {
      v.copy_(options_.start.view({1, -1}));
    } else {
      base::fill_normal(v, 1, base::Stream(options_.seed, "start of a direction"));
    }
    v = v.view({-1}).to(product_.weights().device());
    return v.div_(linalg::norm_of(v));
  }

  /// Batches in a shuffled order, pass after pass.
  std::int64_t next_batch() {
    const std::int64_t place = steps_ % batches_;
    if (place == 0) {
      order_ =
          base::random_permutation(batches_,
                                   base::Stream(options_.seed,
                                                "batches of a direction",
                                                static_cast<std::uint64_t>(steps_ / batches_)));
    }
    ++steps_;
    products_ += 1 / static_cast<double>(batches_);
    return order_[static_cast<std::size_t>(place)];
  }

  [[nodiscard]] bool keeps_going() const { return !options_.keep_going || options_.keep_going(); }
  [[nodiscard]] bool may_go_on() const {
    return products_ + 1 < options_.max_products && keeps_going();
  }

  [[nodiscard]] double radius() const {
    return options_.radius > 0 ? options_.radius * linalg::norm_of(product_.weights())
                               : kRadiusOverStart * product_.step_length();
  }

  [[nodiscard]] static std::string words(const std::string& name, bool arrived) {
    return arrived ? name : name + ", which did not reach its radius";
  }

  CurvedDirection checked(const at::Tensor& v, const std::string& method) {
    at::Tensor image = at::empty_like(v);
    CurvedDirection found = measured(product_, v, image);
    products_ += 1;
    found.method = method;
    found.largest = largest_;
    found.products = products_;
    found.converged = found.residual <= options_.tolerance;
    return found;
  }

  const HessianProduct& product_;
  const DirectionOptions& options_;
  std::int64_t batches_;
  double largest_ = 0;
  double step_ = 0;
  double products_ = 0;
  std::int64_t steps_ = 0;
  std::vector<std::int64_t> order_;
};

/// Lanczos, and then what its answer needs. Products by differences are no linear map where there
/// are kinks: what the recurrence claims of a sum of its vectors may not be so. A quarter of the
/// products, and those that it left, go on from v, where the map is the one that counts; the lowest
/// v^T H v of all is taken.
/// - Where curvature is a fair share of L, v <- normalise(v - H v / L) gets there by L / |c| steps,
/// and needs
///   no sums: on a network of the paper (m = 256, n = 10) Lanczos stopped at -14.8, and 20 steps
///   led to -20.9.
/// - Where it is too small for that, Lanczos begins again from v: on a ResNet-8 after 160 epochs 32
/// products
///   claimed -0.96 and had +0.10; 9 more led to -0.15.
class LanczosSearch {
 public:
  LanczosSearch(const HessianProduct& product, const DirectionOptions& options)
      : product_(product), options_(options), size_(product.objective().size()) {}

  CurvedDirection run() {
    search(options_.start, std::max(kLeastProducts, 3 * options_.max_products / 4));
    while (best_.vector.defined() && best_.residual > options_.tolerance && keeps_going()) {
      const int left = options_.max_products - static_cast<int>(products_);
      if (left < kLeastProducts) break;
      if (-best_.curvature * left >= largest_) {
        descend(left);
        break;
      }
      search(last_, left);
    }
    base::require(best_.vector.defined(),
                  ErrorKind::usage,
                  "the search for a direction was ended before it had one");
    best_.largest = largest_;
    best_.products = products_;
    best_.converged = best_.residual <= options_.tolerance;
    best_.method = "Lanczos with full reorthogonalisation";
    return best_;
  }

 private:
  static constexpr int kLeastProducts = 3;

  [[nodiscard]] bool keeps_going() const { return !options_.keep_going || options_.keep_going(); }

  void search(const at::Tensor& start, int products) {
    linalg::EigenpairOptions wanted = eigenpair_options(product_, options_);
    const bool is_first = !best_.vector.defined();
    wanted.largest = is_first && size_ > 1 ? 1 : 0;
    wanted.max_products = products;
    wanted.start = start;
    const auto pairs = linalg::eigenpairs(as_operator(product_), size_, wanted);
    products_ += pairs.products + pairs.checks;
    if (pairs.smallest.empty()) return;
    last_ = pairs.vectors[0].to(product_.weights().device(), /*non_blocking=*/false, /*copy=*/true);
    keep(from_pair(pairs.smallest.front(), last_));
    if (is_first) {
      largest_ = pairs.largest.empty() ? best_.curvature : pairs.largest.front().rayleigh_quotient;
    }
  }

  void descend(int products) {
    at::Tensor v = best_.vector.clone();
    at::Tensor image = at::empty_like(v);
    for (int k = 0; k < products && keeps_going(); ++k) {
      keep(measured(product_, v, image));
      products_ += 1;
      v = v.sub(image, 1 / largest_);
      v.div_(linalg::norm_of(v));
    }
  }

  void keep(const CurvedDirection& found) {
    if (!best_.vector.defined() || found.curvature < best_.curvature) best_ = found;
  }

  const HessianProduct& product_;
  const DirectionOptions& options_;
  std::int64_t size_;
  CurvedDirection best_;
  at::Tensor last_;  // what the last recurrence ended in
  double largest_ = 0;
  double products_ = 0;
};

}  // namespace

std::string to_string(DirectionMethod method) { return base::name_in(kMethods, method); }
DirectionMethod parse_direction_method(const std::string& name) {
  return base::value_in(kMethods, "method for a direction", name);
}

linalg::Estimate batch_curvature(const HessianProduct& product, const at::Tensor& v) {
  const auto& objective = product.objective();
  at::Tensor image = at::empty_like(product.weights());
  std::vector<double> each;
  double mean = 0;  // over samples: the last batch may be smaller
  for (std::int64_t batch = 0; batch < objective.num_batches(); ++batch) {
    product.of_batch(batch, v, image);
    each.push_back(linalg::inner_product(v, image));
    mean += each.back() * static_cast<double>(objective.batch_samples(batch)) /
            static_cast<double>(objective.num_samples());
  }
  return {.value = mean, .standard_error = linalg::estimate_mean(each).standard_error};
}

CurvedDirection most_negative_direction(const HessianProduct& product,
                                        const DirectionOptions& options) {
  const bool stochastic =
      options.method == DirectionMethod::oja || options.method == DirectionMethod::neon_online;
  base::require(!stochastic || product.objective().num_batches() > 1,
                ErrorKind::usage,
                "{} takes one batch a step: the objective has a single one",
                to_string(options.method));
  switch (options.method) {
    case DirectionMethod::lanczos:
      return LanczosSearch(product, options).run();
    case DirectionMethod::oja:
      return Search(product, options).oja();
    case DirectionMethod::neon_online:
      return Search(product, options).neon_online();
    case DirectionMethod::neon_det:
      break;
  }
  return Search(product, options).neon_det();
}

std::vector<CurvedDirection> top_directions(const HessianProduct& product,
                                            int count,
                                            const DirectionOptions& options) {
  linalg::EigenpairOptions wanted = eigenpair_options(product, options);
  wanted.smallest = 0;
  wanted.largest = count;
  const auto pairs = linalg::eigenpairs(as_operator(product), product.objective().size(), wanted);
  std::vector<CurvedDirection> found;
  for (std::size_t i = 0; i < pairs.largest.size(); ++i) {
    const at::Tensor vector = pairs.vectors[static_cast<std::int64_t>(i)];
    found.push_back(from_pair(pairs.largest[i], vector.to(product.weights().device())));
    found.back().largest = pairs.largest.front().rayleigh_quotient;
    found.back().products = pairs.products + pairs.checks;
    found.back().converged = found.back().residual <= options.tolerance;
    found.back().method = "Lanczos with full reorthogonalisation";
  }
  return found;
}

GradientDirection gradient_direction(const Objective& objective, const at::Tensor& weights) {
  GradientDirection found{.vector = at::empty_like(weights)};
  found.value = objective.gradient(weights, found.vector);
  found.norm = linalg::norm_of(found.vector);
  if (found.norm > 0) found.vector.div_(found.norm);
  return found;
}

at::Tensor filter_normalised_direction(const Objective& objective,
                                       const at::Tensor& weights,
                                       std::uint64_t seed) {
  at::Tensor direction = at::zeros_like(weights);
  for (const auto& tensor : objective.tensors()) {
    if (tensor.sizes.size() < 2) continue;
    const auto rows_of = [&](const at::Tensor& flat) {
      return flat.narrow(0, tensor.begin, tensor.numel()).view({tensor.sizes[0], -1});
    };
    at::Tensor drawn = at::empty(rows_of(direction).sizes(), weights.options().device(at::kCPU));
    base::fill_normal(drawn, 1, base::Stream(seed, "direction " + tensor.name));
    const at::Tensor lengths = drawn.norm(2, 1, /*keepdim=*/true);
    drawn.div_(lengths);
    rows_of(direction).copy_(drawn.to(weights.device()) * rows_of(weights).norm(2, 1, true));
  }
  return direction;
}

void orient(at::Tensor& v, const at::Tensor& gradient) {
  if (linalg::inner_product(v, gradient) < 0) v.neg_();
}

PrincipalDirections principal_directions(const std::vector<at::Tensor>& trajectory, int count) {
  base::require(count >= 1 && std::ssize(trajectory) > count,
                ErrorKind::usage,
                "{} principal directions need {} points of a trajectory or more, found {}",
                count,
                count + 1,
                trajectory.size());
  const auto rows = std::ssize(trajectory) - 1;
  std::vector<at::Tensor> moves;  // from the last point
  for (std::int64_t i = 0; i < rows; ++i) {
    moves.push_back((trajectory[static_cast<std::size_t>(i)] - trajectory.back()).to(at::kDouble));
  }
  at::Tensor gram = at::empty({rows, rows}, at::kDouble);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < rows; ++j) {
      gram[i][j] = at::dot(moves[static_cast<std::size_t>(i)], moves[static_cast<std::size_t>(j)]);
    }
  }
  const auto [values, vectors] = at::linalg_eigh(gram);  // ascending
  const double all = values.sum().item<double>();
  PrincipalDirections found;
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t column = rows - 1 - k;
    const double value = values[column].item<double>();
    base::require(value > 1e-12 * all,
                  ErrorKind::data,
                  "the trajectory's points lie on fewer than {} directions",
                  count);
    at::Tensor direction = at::zeros_like(moves.front());
    for (std::int64_t i = 0; i < rows; ++i) {
      direction.add_(moves[static_cast<std::size_t>(i)], vectors[i][column].item<double>());
    }
    found.vectors.push_back(
        direction.div_(linalg::norm_of(direction)).to(trajectory.back().scalar_type()));
    found.shares.push_back(value / all);
  }
  return found;
}

}  // namespace overparam::curvature
