// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "overparam/base/text.hpp"
#include "overparam/study/pages.hpp"

namespace overparam::study {

namespace {

report::Figure fit_figure(const SweepResult& result, const SweepFit& fit) {
  report::Figure figure{.id = "fit-" + fit.x + "-" + fit.y,
                        .title = fit.y + " against " + fit.x,
                        .caption = fmt::format("Exponent {} [{}, {}] over {} runs; {} left out.",
                                               base::format_number(fit.law.exponent),
                                               base::format_number(fit.law.interval.low),
                                               base::format_number(fit.law.interval.high),
                                               fit.law.points,
                                               fit.left_out),
                        .x = {.label = fit.x, .logarithmic = true},
                        .y = {.label = fit.y, .logarithmic = true}};
  std::replace(figure.id.begin(), figure.id.end(), '.', '-');
  std::replace(figure.id.begin(), figure.id.end(), '_', '-');
  report::Series measured{.name = "runs", .mark = report::Mark::points};
  auto points = fit_points(result, fit.x, fit.y);
  measured.x = std::move(points.x);
  measured.y = std::move(points.y);
  const auto [least, most] = std::ranges::minmax(measured.x);
  const auto at = [&](double x) { return fit.law.constant * std::pow(x, fit.law.exponent); };
  figure.series.push_back(std::move(measured));
  figure.series.push_back({.name = "fit", .x = {least, most}, .y = {at(least), at(most)}});
  return figure;
}

}  // namespace

report::Table fit_table(const SweepResult& result) {
  report::Table table{.title = "Fitted power laws",
                      .columns = {{"number", ""},
                                  {"against", ""},
                                  {"exponent", "", 3},
                                  {"low", "95 % interval", 3},
                                  {"high", "95 % interval", 3},
                                  {"runs", ""},
                                  {"left out", "runs that diverged, or never reached a target"}}};
  for (const auto& fit : result.fits) {
    table.add_row({fit.y,
                   fit.x,
                   fit.law.exponent,
                   fit.law.interval.low,
                   fit.law.interval.high,
                   fit.law.points,
                   fit.left_out});
  }
  return table;
}

report::Page sweep_page(const SweepResult& result) {
  report::Page page{.title = "Sweep", .subtitle = fmt::format("{} runs", result.rows.size())};
  if (!result.fits.empty()) page.blocks.push_back(fit_table(result));
  for (const auto& fit : result.fits) page.blocks.push_back(fit_figure(result, fit));
  page.blocks.push_back(sweep_table(result));
  for (const auto& failure : result.failures) page.blocks.push_back(report::Paragraph{failure});
  return page;
}

}  // namespace overparam::study
