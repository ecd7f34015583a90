// SPDX-License-Identifier: Apache-2.0
// What was found about a kernel, as document, table and page.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/kernel_study.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

namespace {

using base::format_count;
using base::format_number;

std::string scale_text(const KernelRecord& record) {
  if (record.kind == "empirical") return "1 (the network's own kernel)";
  if (record.kind == "conjugate") return "1 (covariance of one output at the start)";
  return fmt::format("{} (K_infinity = scale Theta, at this width and number of outputs)",
                     format_number(record.kernel_scale, 6));
}

std::string least_text(const KernelRecord& record, const SpectrumSummary& spectrum) {
  std::string text = format_number(spectrum.bottom.front(), 4);
  if (record.num_duplicates > 0) {
    text += fmt::format(": {} samples repeat an earlier one, so it is 0",
                        format_count(record.num_duplicates));
  } else if (spectrum.singular) {
    text += ": zero, as far as float64 can tell";
  }
  return text;
}

std::string jitter_text(const SpectrumSummary& spectrum) {
  return spectrum.jitter == 0 ? "none"
                              : fmt::format("{:.0e} of the mean diagonal", spectrum.jitter);
}

}  // namespace

nlohmann::json to_json(const KernelRecord& record) {
  nlohmann::json json{
      {"schema", kSchema},
      {"version", version()},
      {"kind", "ntk"},
      {"kernel", record.kind},
      {"block", record.block},
      {"network", record.network},
      {"trained", record.trained},
      {"width", record.m},
      {"depth", record.L},
      {"outputs", record.d},
      {"samples", record.n},
      {"data", record.data_name},
      {"normalisation", record.normalisation},
      {"separation", finite_or_null(record.separation)},
      {"duplicates", record.num_duplicates},
      {"dtype", record.dtype},
      {"shape", record.sizes},
      {"kernel_scale", record.kernel_scale},
      {"standard_error", record.standard_error},
      {"method", record.method},
      {"tiles", record.tiles},
      {"operations", record.operations},
      {"mean_diagonal", finite_or_null(record.mean_diagonal)},
      {"file", record.file.empty() ? nlohmann::json() : nlohmann::json(record.file)},
      {"interrupted", record.interrupted},
      {"kernel_seconds", record.kernel_seconds},
      {"seconds", record.seconds},
      {"peak_memory", record.peak_memory}};
  if (record.read_out_mean_diagonal) {
    json["read_out"] = {{"mean_diagonal", *record.read_out_mean_diagonal}};
  }
  if (const auto& spectrum = record.spectrum) {
    json["lambda_max"] = spectrum->top.front();
    json["lambda_min"] = spectrum->bottom.front();
    json["condition"] = finite_or_null(spectrum->condition);
    json["spectrum"] = {{"top", spectrum->top},
                        {"bottom", spectrum->bottom},
                        {"residual", spectrum->residual},
                        {"jitter", spectrum->jitter},
                        {"singular", spectrum->singular},
                        {"method", spectrum->method}};
    if (!spectrum->all.empty()) json["spectrum"]["all"] = spectrum->all;
  } else {
    json["lambda_max"] = nullptr;
    json["lambda_min"] = nullptr;
    json["no_spectrum"] = record.why_no_spectrum;
  }
  if (const auto& regression = record.regression) {
    json["regression"] = {{"train_accuracy", finite_or_null(regression->train_accuracy)},
                          {"test_accuracy", finite_or_null(regression->test_accuracy)},
                          {"train_objective", finite_or_null(regression->train_objective)},
                          {"test_objective", finite_or_null(regression->test_objective)},
                          {"test_samples", regression->test_samples},
                          {"method", regression->method}};
  }
  return json;
}

report::Table kernel_table(const KernelRecord& record) {
  report::Table table{.title = "Kernel", .columns = {{"quantity", ""}, {"value", ""}}};
  const auto add = [&](const std::string& name, const std::string& value) {
    table.add_row({name, value});
  };
  add("kernel",
      record.kind == "empirical" ? fmt::format("{}, block {}", record.kind, record.block)
                                 : record.kind);
  add("network",
      fmt::format("{}, m = {}, L = {}, d = {}", record.network, record.m, record.L, record.d));
  add("trained", record.trained);
  add("data",
      fmt::format("{} samples of {} ({} inputs, separation {})",
                  format_count(record.n),
                  record.data_name,
                  record.normalisation,
                  format_number(record.separation, 4)));
  add("size",
      fmt::format("{} {}, in {} tile{}",
                  fmt::join(record.sizes, " x "),
                  record.dtype,
                  record.tiles,
                  record.tiles == 1 ? "" : "s"));
  add("made by", record.method);
  add("scale", scale_text(record));
  add("mean diagonal", format_number(record.mean_diagonal, 6));
  if (record.read_out_mean_diagonal) {
    add("read-out, apart",
        fmt::format("mean diagonal {}", format_number(*record.read_out_mean_diagonal, 4)));
  }
  if (const auto& spectrum = record.spectrum) {
    add("lambda_max", format_number(spectrum->top.front(), 6));
    add("lambda_min", least_text(record, *spectrum));
    add("condition number", format_number(spectrum->condition, 4));
    add("spectrum by",
        fmt::format("{}; residual {:.1e}, jitter {}",
                    spectrum->method,
                    spectrum->residual,
                    jitter_text(*spectrum)));
  } else if (!record.why_no_spectrum.empty()) {
    add("spectrum", record.why_no_spectrum);
  }
  if (const auto& regression = record.regression) {
    if (std::isfinite(regression->test_accuracy)) {
      add("kernel regression",
          fmt::format("accuracy {} % on {} held-out samples, {} % on the training samples",
                      format_number(100 * regression->test_accuracy, 4),
                      format_count(regression->test_samples),
                      format_number(100 * regression->train_accuracy, 4)));
    }
    add("regression objective",
        fmt::format("{} held out, {} trained ({})",
                    format_number(regression->test_objective, 4),
                    format_number(regression->train_objective, 3),
                    regression->method));
  }
  if (!record.file.empty()) add("file", record.file);
  add("time",
      fmt::format(
          "{:.1f} s, of them {:.1f} s for the kernel", record.seconds, record.kernel_seconds));
  return table;
}

report::Page kernel_page(const KernelRecord& record) {
  report::Page page{.title = "Tangent kernel",
                    .subtitle = fmt::format("{} of `{}` on {} samples of {}",
                                            record.kind,
                                            record.network,
                                            format_count(record.n),
                                            record.data_name)};
  if (const auto& spectrum = record.spectrum) {
    page.blocks.push_back(report::KeyNumbers{
        {{"lambda_min", format_number(spectrum->bottom.front(), 3), scale_text(record)},
         {"lambda_max", format_number(spectrum->top.front(), 4), ""},
         {"condition number", format_number(spectrum->condition, 3), ""}}});
    report::Figure figure{
        .id = "spectrum",
        .title = "Spectrum",
        .caption =
            "Eigenvalues in descending order. Gradient descent with step size 1/lambda_max "
            "removes the part of the residual along an eigenvector in about "
            "lambda_max/lambda steps; a kernel of duplicates ends at 0.",
        .x = {.label = "rank", .logarithmic = true},
        .y = {.label = "eigenvalue", .logarithmic = true}};
    const auto series =
        [&](const std::string& name, const std::vector<double>& values, double first) {
          report::Series points{.name = name, .mark = report::Mark::line_and_points};
          for (std::size_t k = 0; k < values.size(); ++k) {
            points.x.push_back(first + static_cast<double>(k));
            points.y.push_back(values[k]);
          }
          figure.series.push_back(std::move(points));
        };
    if (!spectrum->all.empty()) {
      series("all", {spectrum->all.rbegin(), spectrum->all.rend()}, 1);
      figure.series.back().mark = report::Mark::line;
    } else {
      const auto N = static_cast<double>(record.sizes.back());
      series("largest", spectrum->top, 1);
      series("least",
             {spectrum->bottom.rbegin(), spectrum->bottom.rend()},
             N - static_cast<double>(spectrum->bottom.size()) + 1);
    }
    page.blocks.push_back(std::move(figure));
  }
  if (!record.picture.images.empty()) page.blocks.push_back(record.picture);
  page.blocks.push_back(kernel_table(record));
  return page;
}

}  // namespace overparam::study
