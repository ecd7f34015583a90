// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/landscape.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "landscape_axes.hpp"
#include "landscape_files.hpp"
#include "landscape_source.hpp"
#include "overparam/base/array_files.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/mapped_array.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/base/progress.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/linalg/density.hpp"
#include "overparam/linalg/eigenpairs.hpp"
#include "overparam/linalg/plain_float32.hpp"
#include "overparam/linalg/trace.hpp"
#include "overparam/linalg/vectors.hpp"
#include "overparam/study/run_record.hpp"
#include "run_settings.hpp"
#include "tensor_key.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

namespace {

/// Thrown through a search that the user ended; nothing is lost but the search.
struct Interrupted {};

bool goes_on() { return !base::interrupted(); }

class LandscapeStudy {
 public:
  LandscapeStudy(const Settings& settings,
                 const fs::path& subject,
                 const LandscapeOutput& output,
                 const Voice& voice)
      : settings_(settings),
        output_(output),
        voice_(voice),
        axes_(parse_axes(settings)),
        grid_(parse_grid(settings, axes_.size())),
        source_(open_landscape_source(settings, subject)) {
    record_.subject = subject.string();
    record_.settings_toml = settings.to_toml({"landscape"});
    record_.environment = environment_json();
    check_settings();
  }

  LandscapeRecord run() {
    const base::Stopwatch watch;
    base::make_writable_folder(output_.folder);
    const auto names = source_->names();
    if (output_.fresh) {
      // All at once: what is cut short then goes on like any other.
      for (const auto& name : names) forget_landscape(output_.folder, name);
    }
    try {
      for (std::size_t i = 0; i < names.size(); ++i) {
        record_.landscapes.push_back(draw(i, names[i]));
      }
    } catch (const Interrupted&) {
      record_.interrupted = true;
    } catch (const Error&) {
      // A search that was ended before it had anything says so as an error.
      if (!base::interrupted()) throw;
      record_.interrupted = true;
    }
    record_.seconds = watch.seconds();
    record_.peak_memory = base::peak_resident_memory();
    return std::move(record_);
  }

 private:
  /// Refuses what would fail after hours.
  void check_settings() const {
    constexpr std::int64_t kLeastForTrace = 3;
    const auto trace = settings_.integer("landscape.trace");
    base::require(trace == 0 || trace >= kLeastForTrace,
                  ErrorKind::usage,
                  "{}: landscape.trace must be 0 or at least {}, found {}",
                  settings_.origin("landscape.trace"),
                  kLeastForTrace,
                  trace);
    const std::string& direction = settings_.text("landscape.direction");
    base::require(settings_.text("landscape.product") != "autograd" || direction == "lanczos",
                  ErrorKind::usage,
                  "{}: --product autograd has products of the whole objective alone; the direction "
                  "must be lanczos, found {}",
                  settings_.origin("landscape.direction"),
                  direction);
  }

  Landscape draw(std::size_t index, const std::string& name) {
    if (base::interrupted()) throw Interrupted{};
    const base::Stopwatch watch;
    const LandscapePoint point = source_->open(index);
    if (index == 0) introduce(point);
    const LandscapeFiles files(output_.folder, name, identity(point), point.weights);
    Landscape landscape;
    std::vector<at::Tensor> vectors;
    if (auto kept = files.read_facts()) {
      landscape = std::move(kept->landscape);
      vectors = std::move(kept->axes);
      voice_.say(name + ": directions were found before");
    } else {
      landscape = measure(index, point, vectors);
      landscape.seconds = watch.seconds();
      files.write_facts(landscape, vectors);
    }
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      if (axes_[i].kind == AxisKind::negative) former_axis_ = vectors[i];
    }
    const double seconds_before = watch.seconds();
    curvature::Plane plane{
        .centre = point.weights, .x_axis = vectors[0], .x = landscape.x, .y = landscape.y};
    if (vectors.size() > 1) plane.y_axis = vectors[1];
    const bool is_new = evaluate(*point.objective, plane, files, landscape);
    if (landscape.descent && !landscape.criteria) {
      landscape.criteria =
          curvature::descent_criteria(*point.objective,
                                      plane,
                                      landscape.objective,
                                      *landscape.descent,
                                      landscape.here.objective,
                                      landscape.gradient_norm,
                                      landscape.axes[1].curvature->curvature,
                                      static_cast<int>(settings_.integer("run.threads")));
    }
    if (is_new) landscape.seconds += watch.seconds() - seconds_before;
    files.write_results(landscape, vectors);
    return landscape;
  }

  void introduce(const LandscapePoint& point) {
    record_.objective = point.objective->describe();
    record_.samples = point.objective->num_samples();
    record_.held_out = point.held_out ? point.held_out->num_samples() : 0;
    record_.parameters = point.objective->size();
    const curvature::HessianProduct product(*point.objective, point.weights, product_options());
    record_.product = product.describe();
    base::MemoryPlan plan("landscape");
    const std::uint64_t each = point.weights.element_size();
    plan.add("weights, axes and cells in hand", {8, point.objective->size()}, each);
    plan.add("a gradient", point.objective->gradient_bytes());
    plan.add(linalg::plan_eigenpairs(
        point.objective->size(),
        {.max_products = static_cast<int>(products()), .basis = point.weights.scalar_type()}));
    if (std::ranges::any_of(axes_, [](const auto& axis) { return axis.kind == AxisKind::pca; })) {
      const auto points = static_cast<std::int64_t>(source_->waypoints().size());
      plan.add("points of the trajectory", {3, points, point.objective->size()}, each);
    }
    if (const auto trace = settings_.integer("landscape.trace"); trace > 0) {
      plan.add(linalg::plan_trace(
          point.objective->size(),
          {.products = static_cast<int>(trace), .basis = point.weights.scalar_type()}));
    }
    plan.check(memory_limit(settings_));
    voice_.say(fmt::format("{}; {} weights; {}; {}",
                           record_.objective,
                           base::format_count(point.objective->size()),
                           record_.product,
                           plan.describe()));
  }

  [[nodiscard]] curvature::ProductOptions product_options() const {
    return {.kind = curvature::parse_product_kind(settings_.text("landscape.product")),
            .step = settings_.number("landscape.difference"),
            .sigma = settings_.number("landscape.sigma"),
            .draws = static_cast<int>(settings_.integer("landscape.draws")),
            .seed = static_cast<std::uint64_t>(settings_.integer("run.seed"))};
  }

  [[nodiscard]] std::int64_t products() const { return settings_.integer("landscape.products"); }

  [[nodiscard]] bool is_figure_one() const {
    return axes_.size() == 2 && axes_[0].kind == AxisKind::gradient &&
           axes_[1].kind == AxisKind::negative;
  }

  /// What an unfinished folder must agree with: not which other points are drawn, so that more may
  /// be added.
  [[nodiscard]] std::string identity(const LandscapePoint& point) const {
    Settings of_point = settings_;
    of_point.set("landscape.at", point.name, "landscape");
    std::vector<std::string> parts{source_->fingerprint(),
                                   of_point.to_toml({"landscape"}),
                                   settings_.text("run.seed"),
                                   key_of(point.weights),
                                   base::join(source_->waypoints(), ",")};
    for (const auto& axis : axes_) {
      if (axis.kind == AxisKind::file) parts.push_back(key_of(base::read_npy(axis.name)));
    }
    return base::stable_key(base::join(parts, "|"));
  }

  Landscape measure(std::size_t index,
                    const LandscapePoint& point,
                    std::vector<at::Tensor>& vectors) {
    const auto& objective = *point.objective;
    Landscape landscape{.name = point.name,
                        .epoch = point.epoch,
                        .step_size = point.step_size,
                        .weights_norm = linalg::norm_of(point.weights)};
    const auto gradient = curvature::gradient_direction(objective, point.weights);
    landscape.here = gradient.value;
    landscape.gradient_norm = gradient.norm;
    base::require(std::isfinite(gradient.value.objective),
                  ErrorKind::numeric,
                  "{}: the objective there is {}",
                  point.name,
                  gradient.value.objective);
    voice_.say(fmt::format("{}: f = {:.4g}, |grad f| = {:.4g}",
                           point.name,
                           landscape.here.objective,
                           landscape.gradient_norm));
    for (const auto& mode : source_->other_modes(index)) {
      const auto there = curvature::gradient_direction(*mode.objective, point.weights);
      landscape.modes.push_back({mode.name, there.value.objective, there.norm});
    }
    const curvature::HessianProduct product(objective, point.weights, product_options());
    AxisFinder finder(settings_, *source_, point, product, gradient, former_axis_, goes_on);
    for (const auto& axis : axes_) {
      vectors.push_back(finder.find(axis));
      landscape.axes.push_back(finder.facts());
      if (base::interrupted()) throw Interrupted{};
      say_found(landscape.axes.back());
    }
    landscape.largest = finder.largest();
    if (vectors.size() == 2) {
      landscape.cosine = linalg::inner_product(vectors[0], vectors[1]) /
                         (linalg::norm_of(vectors[0]) * linalg::norm_of(vectors[1]));
    }
    landscape.second = finder.second_opinion();
    measure_spectrum(product, landscape);
    if (base::interrupted()) throw Interrupted{};
    const GridRange range = finder.range(grid_);
    landscape.x = range.x;
    landscape.y = range.y;
    if (is_figure_one() && gradient.norm > 0) landscape.descent = finder.descent();
    for (const auto& waypoint : source_->waypoints()) {
      curvature::Plane plane{.centre = point.weights, .x_axis = vectors[0]};
      if (vectors.size() > 1) plane.y_axis = vectors[1];
      const auto at = curvature::project(plane, source_->weights_at(waypoint));
      landscape.path.push_back({waypoint, at.x, at.y, at.residual});
    }
    return landscape;
  }

  void say_found(const LandscapeAxis& axis) const {
    if (!axis.curvature) return;
    const auto& facts = *axis.curvature;
    voice_.say(fmt::format("  {}: v'Hv = {:.4g} ± {:.2g}, residual {:.2g}{}, {:.0f} products ({})",
                           axis.name,
                           facts.curvature,
                           facts.of_batches.standard_error,
                           facts.residual,
                           facts.curvature < 0 || axis.name.find("negative") == std::string::npos
                               ? ""
                               : "; no negative curvature was found",
                           facts.products,
                           facts.method));
  }

  /// Trace and density, where they were asked for.
  void measure_spectrum(const curvature::HessianProduct& product, Landscape& landscape) const {
    const auto op = [&](const at::Tensor& v, at::Tensor& out) { product(v, out); };
    const std::int64_t size = product.objective().size();
    const auto seed = static_cast<std::uint64_t>(settings_.integer("run.seed"));
    const auto basis = product.weights().scalar_type();
    if (const auto budget = settings_.integer("landscape.trace"); budget > 0) {
      const auto trace = linalg::hutch_plus_plus_trace(op,
                                                       size,
                                                       {.products = static_cast<int>(budget),
                                                        .seed = seed,
                                                        .keep_going = goes_on,
                                                        .basis = basis});
      landscape.trace = linalg::Estimate{trace.value, trace.standard_error};
    }
    if (const auto probes = settings_.integer("landscape.density"); probes > 0) {
      const auto density = linalg::spectral_density(op,
                                                    size,
                                                    {.probes = static_cast<int>(probes),
                                                     .steps = static_cast<int>(products()),
                                                     .seed = seed,
                                                     .keep_going = goes_on,
                                                     .basis = basis});
      if (!density.complete) return;
      add_density(density, landscape);
    }
  }

  static void add_density(const linalg::SpectralDensity& density, Landscape& landscape) {
    constexpr std::int64_t kPoints = 400;
    const double low = density.nodes.min().item<double>();
    const double high = density.nodes.max().item<double>();
    const double margin = 0.05 * (high - low);
    const at::Tensor points = at::linspace(low - margin, high + margin, kPoints, at::kDouble);
    const auto curve = linalg::broadened_density(density, points, 0.01 * (high - low));
    const auto list = [](const at::Tensor& x) {
      return std::vector<double>(x.data_ptr<double>(), x.data_ptr<double>() + x.numel());
    };
    landscape.density_points = list(points);
    landscape.density = list(curve.values);
    landscape.density_errors = list(curve.standard_errors);
    landscape.negative_share = linalg::share_below(density, 0);
  }

  /// False where all cells were there already.
  bool evaluate(const curvature::Objective& objective,
                const curvature::Plane& plane,
                const LandscapeFiles& files,
                Landscape& landscape) {
    plane.check(objective);
    if (const auto finished = files.read_cells(std::ssize(plane.y), std::ssize(plane.x))) {
      landscape.objective = (*finished)[0].clone();
      landscape.accuracy = (*finished)[1].clone();
      return false;
    }
    base::MappedArray cells(files.cells(),
                            {2, std::ssize(plane.y), std::ssize(plane.x)},
                            at::kDouble,
                            files.identity(),
                            1);
    base::ProgressLine progress(
        landscape.name, plane.num_cells(), voice_.progress, cells.tiles_done());
    at::Tensor values = cells.tensor();
    double* objectives = values.data_ptr<double>();
    double* accuracies = objectives + plane.num_cells();
    const auto result = curvature::evaluate_cells(
        objective,
        plane,
        {.is_done = [&](std::int64_t cell) { return cells.is_done(cell); },
         .keep =
             [&](std::int64_t cell, const curvature::Value& value) {
               objectives[cell] = value.objective;
               accuracies[cell] = value.accuracy;
               cells.finish(cell);
               if (progress.due(cells.tiles_done())) progress.update(cells.tiles_done(), "cells");
             }},
        static_cast<int>(settings_.integer("run.threads")));
    progress.finish();
    if (!result.complete) throw Interrupted{};
    landscape.objective = values[0].clone();
    landscape.accuracy = values[1].clone();
    cells.commit();
    return true;
  }

  const Settings& settings_;
  const LandscapeOutput& output_;
  const Voice& voice_;
  std::vector<AxisSpec> axes_;
  GridRequest grid_;
  std::unique_ptr<LandscapeSource> source_;
  at::Tensor former_axis_;  // of the point before, to begin the next search from
  LandscapeRecord record_;
};

}  // namespace

LandscapeRecord run_landscape(const Settings& settings,
                              const fs::path& subject,
                              const LandscapeOutput& output,
                              const Voice& voice) {
  const linalg::PlainFloat32 plain_float32;
  return LandscapeStudy(settings, subject, output, voice).run();
}

GradientDecay gradient_decay(const std::vector<Landscape>& landscapes) {
  GradientDecay decay;
  for (const auto& landscape : landscapes) {
    const double ratio =
        landscape.gradient_norm * landscape.gradient_norm / landscape.here.objective;
    decay.least_ratio = std::isnan(decay.least_ratio) ? ratio : std::min(decay.least_ratio, ratio);
  }
  if (landscapes.size() < 2) return decay;
  const auto& first = landscapes.front();
  const auto& last = landscapes.back();
  decay.exponent = 2 * std::log(last.gradient_norm / first.gradient_norm) /
                   std::log(last.here.objective / first.here.objective);
  return decay;
}

}  // namespace overparam::study
