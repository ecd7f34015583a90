// SPDX-License-Identifier: Apache-2.0
// What was found around a run's weights, as document, table and page.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "landscape_files.hpp"
#include "overparam/base/text.hpp"
#include "overparam/report/surface.hpp"
#include "overparam/study/landscape.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

using base::format_number;
using report::Cell;

namespace {

Cell cell_of(double value) { return std::isfinite(value) ? Cell(value) : Cell(); }

/// "-1.24 ± 0.3"
std::string text_of(const linalg::Estimate& estimate) {
  if (!std::isfinite(estimate.value)) return "";
  return std::isfinite(estimate.standard_error)
             ? fmt::format("{} ± {}",
                           format_number(estimate.value, 3),
                           format_number(estimate.standard_error, 2))
             : format_number(estimate.value, 3);
}

/// The axis whose curvature is spoken of: the most negative one where it was looked for.
const LandscapeAxis* curved_axis(const Landscape& landscape) {
  const auto negative = std::ranges::find_if(landscape.axes, &LandscapeAxis::is_negative);
  if (negative != landscape.axes.end()) return &*negative;
  const auto found = std::ranges::find_if(
      landscape.axes, [](const LandscapeAxis& axis) { return axis.curvature.has_value(); });
  return found == landscape.axes.end() ? nullptr : &*found;
}

bool is_plane(const Landscape& landscape) { return landscape.axes.size() == 2; }

std::string axis_label(const LandscapeAxis& axis) {
  const bool unit = std::abs(axis.length - 1) < 1e-3;
  return axis.name +
         (unit ? ", distance" : fmt::format(", in units of {}", format_number(axis.length, 3)));
}

std::string note_of(const Landscape& landscape) {
  std::string note = fmt::format("f = {}, |∇f| = {}",
                                 format_number(landscape.here.objective, 3),
                                 format_number(landscape.gradient_norm, 3));
  if (const auto* axis = curved_axis(landscape)) {
    const auto* facts = &*axis->curvature;
    note += fmt::format(
        ", vᵀHv = {}, residual {}", text_of(facts->of_batches), format_number(facts->residual, 2));
    if (axis->is_negative && facts->curvature >= 0) note += " (no negative curvature found)";
  }
  return note;
}

/// f between cells, NaN beside the grid.
double interpolated(const Landscape& landscape, double x, double y) {
  const auto place = [](const std::vector<double>& at, double value) {
    const auto above = std::ranges::upper_bound(at, value);
    const auto cell = std::clamp<std::ptrdiff_t>(above - at.begin() - 1, 0, std::ssize(at) - 2);
    const auto i = static_cast<std::size_t>(cell);
    return std::pair{i, (value - at[i]) / (at[i + 1] - at[i])};
  };
  const auto [i, s] = place(landscape.x, x);
  const auto [j, t] = place(landscape.y, y);
  constexpr double kRounding = 1e-6;
  const auto beside = [](double share) { return share < -kRounding || share > 1 + kRounding; };
  if (beside(s) || beside(t)) return std::nan("");
  const double* row = landscape.objective.data_ptr<double>() + j * landscape.x.size() + i;
  const double* next = row + landscape.x.size();
  return (1 - t) * ((1 - s) * row[0] + s * row[1]) + t * ((1 - s) * next[0] + s * next[1]);
}

/// The run's points where they lie on the plane by least squares. Those beside the grid are left
/// out, and those farther beside the plane than the grid is wide: there is nothing of them to be
/// seen on it.
struct ProjectedRun {
  report::SurfacePath path{.name = "the run, projected on the plane"};
  double farthest = 0;  ///< beside the plane
};
ProjectedRun projected_run(const Landscape& landscape) {
  const auto reach = [](const std::vector<double>& at, const LandscapeAxis& axis) {
    return (at.back() - at.front()) * axis.length;
  };
  const double width =
      std::hypot(reach(landscape.x, landscape.axes[0]), reach(landscape.y, landscape.axes[1]));
  ProjectedRun run;
  for (const auto& point : landscape.path) {
    const double z = interpolated(landscape, point.x, point.y);
    if (!std::isfinite(z) || point.residual > width) continue;
    run.path.x.push_back(point.x);
    run.path.y.push_back(point.y);
    run.path.z.push_back(z);
    run.farthest = std::max(run.farthest, point.residual);
  }
  return run;
}

report::Surface surface_of(const Landscape& landscape) {
  report::Surface surface{.name = landscape.name,
                          .x = landscape.x,
                          .y = landscape.y,
                          .marks = {{0, 0, landscape.here.objective, "weights of the run"}},
                          .note = note_of(landscape)};
  const double* cells = landscape.objective.data_ptr<double>();
  surface.z.assign(cells, cells + landscape.objective.numel());
  if (auto run = projected_run(landscape); run.path.x.size() > 1) {
    surface.note += fmt::format("; points of the run lie up to {} beside the plane",
                                format_number(run.farthest, 2));
    surface.paths.push_back(std::move(run.path));
  }
  return surface;
}

report::Figure line_figure(const Landscape& landscape, std::size_t index) {
  report::Figure figure{.id = fmt::format("line-{}", index + 1),
                        .title = "f along one direction, " + landscape.name,
                        .caption = note_of(landscape) + ". 0 is where the run was.",
                        .x = {.label = axis_label(landscape.axes[0])},
                        .y = {.label = "f, mean loss"}};
  report::Series series{.name = "f", .x = landscape.x, .mark = report::Mark::line};
  const double* cells = landscape.objective.data_ptr<double>();
  series.y.assign(cells, cells + landscape.objective.numel());
  figure.series.push_back(std::move(series));
  return figure;
}

report::Table criteria_table(const LandscapeRecord& record) {
  report::Table table{
      .title = "What the surfaces show, as numbers",
      .caption = "At the best step s* along the negative gradient.",
      .columns = {
          {"point", ""},
          {"s*", "length of the step along -gradient that lowers f most"},
          {"drop", "(f(W) - f(W - s* g)) / f(W): how far the gradient alone leads"},
          {"negative curvature adds", "what the best move along v adds there, over f there"},
          {"second-order share", "|v'Hv| s*^2 / 2 over s* |grad f|; 0 where v'Hv >= 0"},
          {"R² of a quadratic", "on the plane, for |x|, |y| <= s*"},
          {"cos(g, v)", ""}}};
  for (const auto& landscape : record.landscapes) {
    if (!landscape.criteria) continue;
    const auto& criteria = *landscape.criteria;
    table.add_row({landscape.name,
                   criteria.best_step,
                   criteria.drop,
                   criteria.benefit,
                   criteria.second_order_share,
                   cell_of(criteria.quadratic),
                   cell_of(landscape.cosine)});
  }
  return table;
}

report::Table curvature_table(const LandscapeRecord& record) {
  report::Table table{
      .title = "Curvature, with evidence",
      .caption =
          "The residual |Hv - cv|/|c| is from a product of its own: products by differences "
          "are not linear where a network has kinks, and what the recurrence claims can be "
          "far below it.",
      .columns = {{"point", ""},
                  {"axis", ""},
                  {"v'Hv", "over the batches, ± standard error"},
                  {"held out", "the same direction on other samples"},
                  {"residual", "|Hv - cv| / |c|, computed anew"},
                  {"claimed", "by the recurrence"},
                  {"largest", "largest eigenvalue met"},
                  {"products", "of the whole Hessian"},
                  {"method", ""}}};
  for (const auto& landscape : record.landscapes) {
    for (const auto& axis : landscape.axes) {
      if (!axis.curvature) continue;
      const auto& facts = *axis.curvature;
      table.add_row({landscape.name,
                     axis.name,
                     text_of(facts.of_batches),
                     text_of(facts.held_out),
                     facts.residual,
                     cell_of(facts.claimed_residual),
                     cell_of(landscape.largest),
                     facts.products,
                     facts.method});
    }
    if (landscape.second) {
      const auto& facts = landscape.second->facts;
      table.add_row({landscape.name,
                     fmt::format("the same: |cos| {}", format_number(landscape.second->cosine, 3)),
                     format_number(facts.curvature, 3),
                     "",
                     facts.residual,
                     cell_of(facts.claimed_residual),
                     Cell(),
                     facts.products,
                     facts.method});
    }
  }
  return table;
}

report::Table modes_table(const LandscapeRecord& record) {
  report::Table table{.title = "The objective under each mode of batch normalisation",
                      .caption = "Each is another function of the weights.",
                      .columns = {{"point", ""}, {"mode", ""}, {"f", ""}, {"|grad f|", ""}}};
  for (const auto& landscape : record.landscapes) {
    if (landscape.modes.empty()) continue;
    table.add_row({landscape.name, "drawn", landscape.here.objective, landscape.gradient_norm});
    for (const auto& mode : landscape.modes) {
      table.add_row(
          {landscape.name, mode.mode, cell_of(mode.objective), cell_of(mode.gradient_norm)});
    }
  }
  return table;
}

report::Table path_table(const LandscapeRecord& record) {
  report::Table table{
      .title = "Points of the run on the planes",
      .caption = "Where each lies by least squares, and how far beside the plane.",
      .columns = {{"plane of", ""}, {"point", ""}, {"x", ""}, {"y", ""}, {"beside", ""}}};
  for (const auto& landscape : record.landscapes) {
    for (const auto& point : landscape.path) {
      table.add_row({landscape.name, point.name, point.x, point.y, point.residual});
    }
  }
  return table;
}

report::Figure density_figure(const Landscape& landscape, std::size_t index) {
  report::Figure figure{
      .id = fmt::format("density-{}", index + 1),
      .title = "Density of the Hessian's eigenvalues, " + landscape.name,
      .caption = fmt::format(
          "Stochastic Lanczos quadrature, broadened by a hundredth of the range; the band is one "
          "standard error over probes. {} % of the eigenvalues are negative.",
          text_of({100 * landscape.negative_share->value,
                   100 * landscape.negative_share->standard_error})),
      .x = {.label = "eigenvalue"},
      .y = {.label = "density", .logarithmic = true}};
  report::Series series{.name = "density", .x = landscape.density_points, .y = landscape.density};
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    const double error = landscape.density_errors[i];
    series.low.push_back(series.y[i] - (std::isfinite(error) ? error : 0));
    series.high.push_back(series.y[i] + (std::isfinite(error) ? error : 0));
  }
  figure.series.push_back(std::move(series));
  return figure;
}

std::string words_of(const GradientDecay& decay) {
  const char* judgement = decay.exponent < 0 ? "they grew while it fell, or it rose"
                          : decay.exponent <= kMostGradientDecay
                              ? "gradients do not vanish before the objective does"
                              : "gradients shrank faster than a function of this kind explains, or "
                                "the objective hardly "
                                "changed between the two";
  return fmt::format(
      "Between the first and the last point |∇f|² goes with f to the power {}, and the "
      "least |∇f|²/f is {}: {}.",
      format_number(decay.exponent, 3),
      format_number(decay.least_ratio, 3),
      judgement);
}

std::string summary_of(const LandscapeRecord& record) {
  std::string text =
      fmt::format("{}. Products with the Hessian: {}.", record.objective, record.product);
  std::size_t searched = 0, negative = 0;
  for (const auto& landscape : record.landscapes) {
    const auto* axis = curved_axis(landscape);
    if (axis == nullptr || !axis->is_negative) continue;
    ++searched;
    negative += axis->curvature->curvature < 0 ? 1 : 0;
  }
  if (searched > 0) {
    text += fmt::format(" Negative curvature was found at {} of {} points.", negative, searched);
  }
  return text;
}

std::string caption_of(const Landscape& landscape) {
  std::string text =
      "f over the plane through the weights (the stick). Both axes are in the same units of "
      "distance "
      "where they are unit vectors.";
  if (landscape.axes.front().is_gradient) text += " Downhill along the gradient is to the left.";
  if (landscape.axes.back().is_negative) {
    text +=
        " Where negative curvature mattered, the surface would fall away along the second axis.";
  }
  return text;
}

}  // namespace

report::SurfaceFigure landscape_figure(const LandscapeRecord& record) {
  report::SurfaceFigure figure{
      .id = "surfaces", .title = "The objective around the weights", .z = {.label = "f"}};
  for (const auto& landscape : record.landscapes) {
    if (!is_plane(landscape) || !landscape.objective.defined()) continue;
    figure.caption = caption_of(landscape);
    figure.x.label = axis_label(landscape.axes[0]);
    figure.y.label = axis_label(landscape.axes[1]);
    figure.surfaces.push_back(surface_of(landscape));
  }
  return figure;
}

nlohmann::json to_json(const LandscapeRecord& record) {
  auto landscapes = nlohmann::json::array();
  for (const auto& landscape : record.landscapes) landscapes.push_back(to_json(landscape));
  const auto decay = gradient_decay(record.landscapes);
  return {{"schema", kSchema},
          {"version", version()},
          {"kind", "landscape"},
          {"subject", record.subject},
          {"objective", record.objective},
          {"product", record.product},
          {"samples", record.samples},
          {"held_out", record.held_out},
          {"parameters", record.parameters},
          {"landscapes", landscapes},
          {"gradient_decay",
           {{"exponent", finite_or_null(decay.exponent)},
            {"least_ratio", finite_or_null(decay.least_ratio)}}},
          {"interrupted", record.interrupted},
          {"seconds", record.seconds},
          {"peak_memory", record.peak_memory},
          {"environment", record.environment}};
}

report::Table landscape_table(const LandscapeRecord& record) {
  report::Table table{.columns = {{"point", ""},
                                  {"f", "mean loss"},
                                  {"accuracy", ""},
                                  {"|grad f|", ""},
                                  {"v'Hv", "of the curved axis"},
                                  {"residual", "computed anew"},
                                  {"drop", "by the best step along the gradient, over f"},
                                  {"v adds", "over f there"},
                                  {"R²", "of a quadratic"}}};
  for (const auto& landscape : record.landscapes) {
    const auto* axis = curved_axis(landscape);
    const auto* facts = axis != nullptr ? &*axis->curvature : nullptr;
    const auto& criteria = landscape.criteria;
    table.add_row({landscape.name,
                   landscape.here.objective,
                   cell_of(landscape.here.accuracy),
                   landscape.gradient_norm,
                   facts != nullptr ? Cell(text_of(facts->of_batches)) : Cell(),
                   facts != nullptr ? cell_of(facts->residual) : Cell(),
                   criteria ? cell_of(criteria->drop) : Cell(),
                   criteria ? cell_of(criteria->benefit) : Cell(),
                   criteria ? cell_of(criteria->quadratic) : Cell()});
  }
  return table;
}

report::Page landscape_page(const LandscapeRecord& record) {
  report::Page page{.title = "Landscape", .subtitle = record.subject};
  page.blocks.emplace_back(report::Paragraph{summary_of(record)});
  if (auto figure = landscape_figure(record); !figure.surfaces.empty()) {
    page.blocks.emplace_back(std::move(figure));
  }
  for (std::size_t i = 0; i < record.landscapes.size(); ++i) {
    const auto& landscape = record.landscapes[i];
    if (!is_plane(landscape) && landscape.objective.defined()) {
      page.blocks.emplace_back(line_figure(landscape, i));
    }
  }
  const auto add_table = [&](report::Table table) {
    if (!table.rows.empty()) page.blocks.emplace_back(std::move(table));
  };
  add_table(criteria_table(record));
  if (record.landscapes.size() > 1) {
    page.blocks.emplace_back(report::Paragraph{words_of(gradient_decay(record.landscapes))});
  }
  add_table(curvature_table(record));
  for (std::size_t i = 0; i < record.landscapes.size(); ++i) {
    if (record.landscapes[i].negative_share) {
      page.blocks.emplace_back(density_figure(record.landscapes[i], i));
    }
  }
  report::Details more{.summary = "Modes of batch normalisation, the run's other points, versions"};
  for (auto table : {modes_table(record), path_table(record)}) {
    if (!table.rows.empty()) more.blocks.emplace_back(std::move(table));
  }
  more.blocks.emplace_back(environment_table(record.environment));
  page.blocks.emplace_back(std::move(more));
  return page;
}

}  // namespace overparam::study
