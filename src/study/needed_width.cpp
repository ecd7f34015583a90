// SPDX-License-Identifier: Apache-2.0
#include "needed_width.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "overparam/base/clock.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/progress.hpp"
#include "overparam/base/random.hpp"
#include "overparam/base/text.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/solve.hpp"
#include "overparam/linalg/spectrum.hpp"
#include "run_settings.hpp"

namespace overparam::study {

namespace {

constexpr std::int64_t kNarrowest = 4;
constexpr std::int64_t kWidest = 1 << 20;
constexpr double kHalf = 0.5;
/// A ratio known to be below this is not worth an eigenvalue: the next width doubles, and no
/// doubling was seen to take a ratio from here past one half.
constexpr double kHopeless = 0.1;
/// Of Theta; above, the kernel in float32 would not resolve its smallest eigenvalue.
constexpr double kWorstConditionSingle = 3e4;

struct Subset {
  std::int64_t samples = 0, outputs = 0;
  auto operator<=>(const Subset&) const = default;
};

/// A quarter, a half and all of what can be measured; 1, 2, 5, ... outputs.
std::vector<Subset> nested_subsets(std::int64_t n, std::int64_t d) {
  std::set<Subset> subsets;
  for (const std::int64_t part : {4, 2, 1}) {
    for (const std::int64_t count : {std::int64_t{1}, std::int64_t{2}, std::int64_t{5}, d}) {
      if (count <= d) subsets.insert({std::max<std::int64_t>(1, n / part), count});
    }
  }
  return {subsets.begin(), subsets.end()};
}

/// The settings with every hidden layer scaled so that the widest has this width.
Settings at_width(const Settings& settings, std::int64_t width) {
  Settings changed = settings;
  const auto widest = static_cast<double>(network_shape(settings).width);
  const std::string& widths = settings.text("network.widths");
  changed.set("network.width", std::to_string(width), "plan");
  if (widths.empty()) return changed;
  std::vector<std::string> scaled;
  for (const auto& part : base::split(widths, ',')) {
    const double share = base::parse_number(part).value_or(widest) / widest;
    scaled.push_back(std::to_string(
        std::max<std::int64_t>(1, std::llround(share * static_cast<double>(width)))));
  }
  changed.set("network.widths", base::join(scaled, ","), "plan");
  return changed;
}

/// y = c_0 + c_1 x_1 + ... by least squares, continued to one point.
struct Continuation {
  std::vector<double> coefficients;
  double value = 0;     ///< at the point
  double leverage = 0;  ///< variance of `value` over that of a measurement
  double residual = 0;  ///< standard deviation of a measurement; NaN without degrees of freedom
  std::int64_t degrees = 0;
};

/// @param x one row a measurement, beginning with 1   @param point such a row
Continuation continue_to(const std::vector<std::vector<double>>& x,
                         const std::vector<double>& y,
                         const std::vector<double>& point) {
  const auto p = static_cast<std::int64_t>(point.size());
  const auto n = static_cast<std::int64_t>(x.size());
  at::Tensor normal = at::zeros({p, p}, at::kDouble);
  at::Tensor right = at::zeros({p}, at::kDouble);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const at::Tensor row = at::tensor(x[i], at::kDouble);
    normal += at::outer(row, row);
    right += y[i] * row;
  }
  const linalg::Cholesky factor(normal);
  const at::Tensor solved = factor.solve(right);
  const at::Tensor at_point = at::tensor(point, at::kDouble);
  Continuation fit{.value = at::dot(solved, at_point).item<double>(),
                   .leverage = factor.solve_lower(at_point).square().sum().item<double>(),
                   .residual = kUnknown,
                   .degrees = n - p};
  for (std::int64_t j = 0; j < p; ++j) fit.coefficients.push_back(solved[j].item<double>());
  if (fit.degrees <= 0) return fit;
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const at::Tensor row = at::tensor(x[i], at::kDouble);
    const double miss = y[i] - at::dot(solved, row).item<double>();
    sum += miss * miss;
  }
  fit.residual = std::sqrt(sum / static_cast<double>(fit.degrees));
  return fit;
}

/// Half the width of Student's 95 % interval for the mean.
double half_interval(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  if (values.size() < 2) return std::numeric_limits<double>::infinity();
  return linalg::student_quantile(0.975, count - 1) * linalg::standard_deviation(values) /
         std::sqrt(count);
}

class WidthSearch {
 public:
  WidthSearch(const Settings& settings,
              const NetworkInput& input,
              const at::Tensor& inputs,
              const PlanLimits& limits)
      : settings_(settings),
        input_(input),
        limits_(limits),
        total_{inputs.size(0), input.outputs},
        subsets_(nested_subsets(std::min(inputs.size(0), limits.width_samples),
                                std::min(input.outputs, limits.width_outputs))),
        memory_limit_(memory_limit(settings)) {
    found_.seeds = limits.width_seeds;
    input_.outputs = subsets_.back().outputs;
    for (int seed = 0; seed < limits.width_seeds; ++seed) choose_samples(inputs, seed);
    open_ = std::set<Subset>(subsets_.begin(), subsets_.end());
  }

  NeededWidth run(const Voice& voice) {
    base::ProgressLine progress("sampled kernel", 0, voice.progress);
    for (std::int64_t width = kNarrowest; width <= kWidest && !open_.empty(); width *= 2) {
      const auto architecture = build_architecture(at_width(settings_, width), input_);
      if (!may_measure(architecture)) break;
      const kernel::InfiniteKernel limit(architecture, {.particles = kParticles});
      for (int seed = 0; seed < limits_.width_seeds; ++seed) {
        if (base::interrupted()) return std::move(found_);
        measure(architecture, limit, width, seed);
        progress.update(++kernels_, fmt::format("m = {}", width));
      }
      found_.widest = width;
      close_subsets();
    }
    progress.finish();
    conclude();
    return std::move(found_);
  }

 private:
  static constexpr std::int64_t kParticles = 32'768;

  /// Each seed has its own samples beside its own weights: the interval then holds both.
  void choose_samples(const at::Tensor& inputs, int seed) {
    const base::Stream stream(static_cast<std::uint64_t>(settings_.integer("run.seed")),
                              "plan.width",
                              static_cast<std::uint64_t>(seed));
    auto order = base::random_permutation(inputs.size(0), stream);
    order.resize(static_cast<std::size_t>(subsets_.back().samples));
    samples_.push_back(inputs.index_select(0, at::tensor(order, at::kLong)));
  }

  /// Whether all seeds at this width stay within the budget.
  bool may_measure(const net::Architecture& architecture) {
    const auto plan = kernel::plan_kernel(
        architecture, subsets_.back().samples, 0, {.memory_limit = memory_limit_}, sizeof(double));
    const double operations = plan.operations * limits_.width_seeds;
    if (operations_ + operations > limits_.width_operations ||
        watch_.seconds() > limits_.width_seconds || !plan.memory.fits(memory_limit_)) {
      return false;
    }
    operations_ += operations;
    return true;
  }

  void measure(const net::Architecture& architecture,
               const kernel::InfiniteKernel& limit,
               std::int64_t width,
               int seed) {
    const at::Tensor& inputs = samples_[static_cast<std::size_t>(seed)];
    const at::Tensor theta = limit(inputs) * limit.scale();  // (n, n)
    const at::Tensor eigenvalues = linalg::symmetric_eigenvalues(theta);
    const double condition = (eigenvalues[-1] / eigenvalues[0]).item<double>();
    const bool is_single = condition > 0 && condition < kWorstConditionSingle;
    const auto type = is_single ? at::kFloat : at::kDouble;
    const net::Network network(architecture, network_seed(seed), at::TensorOptions(type));
    const at::Tensor kernel =
        kernel::empirical_kernel(network, inputs.to(type), {.memory_limit = memory_limit_});
    const std::int64_t d = architecture.num_outputs();
    const std::int64_t n = inputs.size(0);
    const at::Tensor blocks = kernel.view({n, d, n, d});
    std::map<std::int64_t, double> of_limit;  // its smallest eigenvalue on so many samples
    std::map<Subset, double> of_network;
    for (const auto& subset : open_) {
      if (!of_limit.contains(subset.samples)) {
        of_limit[subset.samples] =
            smallest(theta.narrow(0, 0, subset.samples).narrow(1, 0, subset.samples).contiguous());
      }
      const double target = of_limit[subset.samples];
      // A principal submatrix has the larger smallest eigenvalue.
      double bound = std::numeric_limits<double>::infinity();
      for (const auto& [smaller, value] : of_network) {
        const bool nested = smaller.samples <= subset.samples && smaller.outputs <= subset.outputs;
        if (nested) bound = std::min(bound, value);
      }
      const bool is_bound = bound < kHopeless * target;
      if (!is_bound) {
        const std::int64_t rows = subset.samples * subset.outputs;
        bound = smallest(blocks.narrow(0, 0, subset.samples)
                             .narrow(1, 0, subset.outputs)
                             .narrow(2, 0, subset.samples)
                             .narrow(3, 0, subset.outputs)
                             .reshape({rows, rows}));
      }
      of_network[subset] = bound;
      found_.ratios.push_back({.samples = subset.samples,
                               .outputs = subset.outputs,
                               .width = width,
                               .seed = seed,
                               .ratio = bound / target,
                               .is_bound = is_bound});
    }
  }

  [[nodiscard]] std::uint64_t network_seed(int seed) const {
    return static_cast<std::uint64_t>(settings_.integer("run.seed") + seed);
  }

  static double smallest(const at::Tensor& matrix) {
    constexpr std::int64_t kDense = 150;
    constexpr double kTolerance = 1e-3;  // of the residual; the eigenvalue's error is its square
    return linalg::spectrum(matrix, {.top = 0, .dense_up_to = kDense, .tolerance = kTolerance})
        .bottom[0]
        .item<double>();
  }

  /// A subset is done when every seed is above one half, at this width.
  void close_subsets() {
    for (const auto& subset : subsets_) {
      bool all = true;
      for (int seed = 0; seed < limits_.width_seeds; ++seed) {
        all = all && half_width(subset, seed).has_value();
      }
      if (all) open_.erase(subset);
    }
  }

  /// Where 1 - ratio, linear in log m between the sampled widths, falls through one half.
  [[nodiscard]] std::optional<double> half_width(const Subset& subset, int seed) const {
    const WidthRatio* former = nullptr;
    for (const auto& now : found_.ratios) {
      if (now.samples != subset.samples || now.outputs != subset.outputs || now.seed != seed) {
        continue;
      }
      if (now.ratio >= kHalf) {
        if (former == nullptr) return static_cast<double>(now.width);
        const double share = (kHalf - former->ratio) / (now.ratio - former->ratio);
        return static_cast<double>(former->width) *
               std::pow(static_cast<double>(now.width) / static_cast<double>(former->width), share);
      }
      former = &now;
    }
    return std::nullopt;
  }

  void conclude() {
    std::map<Subset, std::vector<double>> logs;  // log m_half of each seed
    for (const auto& subset : subsets_) {
      if (open_.contains(subset)) {
        ++found_.unreached;
        continue;
      }
      auto& values = logs[subset];
      for (int seed = 0; seed < limits_.width_seeds; ++seed) {
        values.push_back(std::log(*half_width(subset, seed)));
      }
      const double centre = linalg::mean(values);
      const double half = half_interval(values);
      found_.half_widths.push_back({subset.samples,
                                    subset.outputs,
                                    std::exp(centre),
                                    {std::exp(centre - half), std::exp(centre + half)}});
    }
    extrapolate(logs);
    const auto direct = logs.find(total_);
    if (direct == logs.end()) return;
    const auto& measured = found_.half_widths.back();
    found_.found = true;
    found_.extrapolated = false;
    found_.width = measured.width;
    found_.interval = measured.interval;
  }

  void extrapolate(const std::map<Subset, std::vector<double>>& logs) {
    std::set<std::int64_t> counts, outputs;
    for (const auto& [subset, values] : logs) {
      counts.insert(subset.samples);
      outputs.insert(subset.outputs);
    }
    const bool grows = counts.size() > 1;
    const bool widens = outputs.size() > 1;
    const auto row = [&](const Subset& subset) {
      std::vector<double> terms{1};
      if (grows) terms.push_back(std::log(static_cast<double>(subset.samples)));
      if (widens) terms.push_back(std::log(static_cast<double>(subset.outputs)));
      return terms;
    };
    const std::vector<double> point = row(total_);
    const bool covers =
        (grows || counts.contains(total_.samples)) && (widens || outputs.contains(total_.outputs));
    if (!covers || logs.size() <= point.size()) {
      found_.reason = fmt::format(
          "the widths up to {} that could be sampled suffice for {} of {} subsets, too few to "
          "continue from",
          found_.widest,
          logs.size(),
          subsets_.size());
      return;
    }
    std::vector<std::vector<double>> x;
    std::vector<double> means;
    std::vector<std::vector<double>> by_seed(static_cast<std::size_t>(limits_.width_seeds));
    for (const auto& [subset, values] : logs) {
      x.push_back(row(subset));
      means.push_back(linalg::mean(values));
      for (std::size_t s = 0; s < values.size(); ++s) by_seed[s].push_back(values[s]);
    }
    const auto fit = continue_to(x, means, point);
    std::vector<double> continued;
    for (const auto& values : by_seed) continued.push_back(continue_to(x, values, point).value);
    // Curvature over the subsets, and scatter over the seeds: the wider of the two.
    const double of_shape = linalg::student_quantile(0.975, static_cast<double>(fit.degrees)) *
                            fit.residual * std::sqrt(fit.leverage);
    // The growth with n steepens: 200 MNIST digits need 2,620, and the line through 25, 50 and 100
    // says 2,100. So what the larger subsets alone would say is a distance to add.
    std::vector<std::vector<double>> later_x;
    std::vector<double> later_means;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (grows && 2 * std::exp(x[i][1]) < 0.9 * static_cast<double>(*counts.rbegin())) continue;
      later_x.push_back(x[i]);
      later_means.push_back(means[i]);
    }
    const bool has_later = grows && counts.size() > 2 && later_x.size() > point.size();
    const double bend =
        has_later ? std::abs(continue_to(later_x, later_means, point).value - fit.value) : 0;
    const double half = std::max(of_shape, half_interval(continued)) + bend;
    found_.found = true;
    found_.extrapolated = true;
    found_.width = std::exp(fit.value);
    found_.interval = {std::exp(fit.value - half), std::exp(fit.value + half)};
    if (grows) found_.samples_exponent = fit.coefficients[1];
    if (widens) found_.outputs_exponent = fit.coefficients.back();
  }

  const Settings& settings_;
  NetworkInput input_;
  PlanLimits limits_;
  Subset total_;
  std::vector<Subset> subsets_;  // ascending, so that the last holds all others
  std::set<Subset> open_;
  std::vector<at::Tensor> samples_;  // of each seed
  std::uint64_t memory_limit_ = 0;
  base::Stopwatch watch_;
  double operations_ = 0;
  std::int64_t kernels_ = 0;
  NeededWidth found_;
};

}  // namespace

NeededWidth needed_width(const Settings& settings,
                         const NetworkInput& input,
                         const at::Tensor& inputs,
                         const PlanLimits& limits,
                         const Voice& voice) {
  return WidthSearch(settings, input, inputs, limits).run(voice);
}

}  // namespace overparam::study
