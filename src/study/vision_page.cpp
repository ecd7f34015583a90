// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "overparam/base/text.hpp"
#include "overparam/study/pages.hpp"
#include "overparam/study/vision_run.hpp"

namespace overparam::study {

namespace {

using base::format_count;
using base::format_number;
using report::Figure;
using report::Mark;
using report::Series;
using report::Table;

std::string percent(double share) { return format_number(100 * share, 4) + " %"; }

/// Why the run ended, for people.
std::string ending(const VisionRecord& record) {
  static const std::map<std::string, std::string> kWords{
      {"epochs", "all epochs were done"},
      {"target_accuracy", "the target accuracy was reached"},
      {"max_seconds", "the time limit was reached"},
      {"not_finite", "a loss was no longer finite: the step size is too large"},
      {"interrupted", "interrupted"}};
  const auto words = kWords.find(record.stopped_by);
  return words == kWords.end() ? record.stopped_by : words->second;
}

std::int64_t finished_epochs(const VisionRecord& record) {
  return record.epochs.empty() ? 0 : record.epochs.back().epoch;
}

/// A number of each epoch; what is not finite is left out.
Series series_of(const VisionRecord& record,
                 const std::string& name,
                 const std::function<double(const VisionEpoch&)>& value) {
  Series series{.name = name};
  for (const auto& epoch : record.epochs) {
    if (!std::isfinite(value(epoch))) continue;
    series.x.push_back(static_cast<double>(epoch.epoch));
    series.y.push_back(value(epoch));
  }
  // A handful of values would be lost as a line.
  constexpr std::size_t kFew = 30;
  if (series.x.size() <= kFew) series.mark = Mark::line_and_points;
  return series;
}

/// A vertical guide at each epoch from which the step size is another.
void add_drops(const VisionRecord& record, Figure& figure) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto& series : figure.series) {
    for (const double y : series.y) {
      if (figure.y.logarithmic && y <= 0) continue;
      low = std::min(low, y);
      high = std::max(high, y);
    }
  }
  for (const auto& [epoch, factor] : record.schedule) {
    if (epoch >= finished_epochs(record) || !(low < high)) continue;
    const auto x = static_cast<double>(epoch);
    figure.series.push_back({.name = fmt::format("step size x {} after epoch {}", factor, epoch),
                             .x = {x, x},
                             .y = {low, high},
                             .reference = true});
  }
}

/// The same of the training part and, where there is one, of the test part.
void add_both_parts(const VisionRecord& record,
                    double VisionEpoch::*training,
                    double VisionEpoch::*test,
                    Figure& figure) {
  figure.series.push_back(series_of(record, "training", training));
  if (record.num_test > 0) figure.series.push_back(series_of(record, "test", test));
  add_drops(record, figure);
}

Figure loss_figure(const VisionRecord& record) {
  Figure figure{
      .id = "loss",
      .title = "Loss",
      .caption = fmt::format(
          "Cross-entropy, mean over images. Training: as SGD met it on its way through each "
          "epoch{}, "
          "with the means and variances of its batches. Test: after the epoch, with running ones. "
          "Where the step size drops the loss falls; Remark 4 takes its six landscapes from "
          "before, between and after the two drops.",
          record.augment ? ", on shifted and mirrored images" : ""),
      .x = {.label = "epoch"},
      .y = {.label = "loss", .logarithmic = true}};
  add_both_parts(record, &VisionEpoch::objective, &VisionEpoch::test_objective, figure);
  return figure;
}

Figure accuracy_figure(const VisionRecord& record) {
  Figure figure{.id = "accuracy",
                .title = "Accuracy",
                .caption =
                    "Share of images classified right: of the training images as SGD met "
                    "them, and of the test images after each epoch.",
                .x = {.label = "epoch"},
                .y = {.label = "accuracy"}};
  if (record.num_changed_labels > 0) {
    figure.caption += fmt::format(
        " {} of {} training labels were changed by noise: a network that reaches 1 on them has "
        "memorised them, as Theorem 1 says that a wide one can.",
        format_count(record.num_changed_labels),
        format_count(record.num_samples));
  }
  add_both_parts(record, &VisionEpoch::accuracy, &VisionEpoch::test_accuracy, figure);
  return figure;
}

Figure distance_figure(const VisionRecord& record) {
  Figure figure{
      .id = "distance",
      .title = "Distance from initialisation",
      .caption =
          "The largest spectral norm of W − W⁽⁰⁾ over the convolutions, with filters as rows, and "
          "the read-out. Theorems 1 and 2 keep it small beside the norm of the weights "
          "themselves, so that K stays what it was; their networks have neither normalisation nor "
          "weight decay, which move the weights of this one further.",
      .x = {.label = "epoch"},
      .y = {.label = "ω"}};
  figure.series.push_back(
      series_of(record, "ω", [](const VisionEpoch& epoch) { return epoch.radius; }));
  return figure;
}

Figure gradient_figure(const VisionRecord& record) {
  Figure figure{
      .id = "gradient",
      .title = "Gradient over loss",
      .caption = fmt::format(
          "|∇f|² / f on the first {} training images as they are, with running means and "
          "variances. Theorem 3 bounds this ratio from below for wide fully connected networks and "
          "the squared loss: no point with a large loss is then critical. Here nothing is proved; "
          "a curve that came near 0 while the loss stays large would be a saddle point or a poor "
          "minimum. Cross-entropy flattens where it is fitted, |∇f| about as f, so that the ratio "
          "may fall with the loss.",
          format_count(record.num_measured)),
      .x = {.label = "epoch"},
      .y = {.label = "|∇f|² / f", .logarithmic = true}};
  figure.series.push_back(series_of(record, "|∇f|² / f", [](const VisionEpoch& epoch) {
    return epoch.squared_gradient / epoch.measured_objective;
  }));
  add_drops(record, figure);
  return figure;
}

Figure gap_figure(const VisionRecord& record) {
  Figure figure{
      .id = "gap",
      .title = "How far a step is from linear",
      .caption =
          "For the last step D of each epoch, on its own batch: F(W + D) = F(W) + ⟨∇F, D⟩ + gap. "
          "Theorem 4 bounds the gap by a multiple of |D| and |D|² that is small for wide networks. "
          "Where the gap is below the linear part, the gradient tells what the step does; where it "
          "is above, the step goes over bumps that the gradient does not see.",
      .x = {.label = "epoch"},
      .y = {.label = "change of the loss, absolute value", .logarithmic = true}};
  figure.series.push_back(series_of(
      record, "|gap|", [](const VisionEpoch& epoch) { return std::abs(epoch.step_gap); }));
  figure.series.push_back(series_of(
      record, "|⟨∇F, D⟩|", [](const VisionEpoch& epoch) { return std::abs(epoch.step_linear); }));
  return figure;
}

report::KeyNumbers key_numbers(const VisionRecord& record) {
  report::KeyNumbers numbers;
  if (std::isfinite(record.train_accuracy)) {
    numbers.items.push_back(
        {"training accuracy",
         percent(record.train_accuracy),
         fmt::format("of {} images as they are", format_count(record.num_samples))});
    numbers.items.push_back({"training loss", format_number(record.train_objective), "mean"});
  }
  if (std::isfinite(record.test_accuracy)) {
    numbers.items.push_back({"test accuracy",
                             percent(record.test_accuracy),
                             fmt::format("of {} images", format_count(record.num_test))});
  }
  numbers.items.push_back({"epochs", format_count(finished_epochs(record)), ending(record)});
  if (!record.epochs.empty()) {
    numbers.items.push_back({"distance moved",
                             format_number(record.epochs.back().radius),
                             "max over tensors of ‖W − W⁽⁰⁾‖₂"});
  }
  return numbers;
}

report::Cell number_or_blank(double value) {
  return std::isfinite(value) ? report::Cell(value) : report::Cell();
}

Table snapshot_table(const VisionRecord& record) {
  Table table{.title = "Snapshots",
              .caption = "Weights that were kept, for landscapes and directions of curvature.",
              .columns = {{"after epoch", ""},
                          {"step size", ""},
                          {"training loss", "as SGD met it"},
                          {"test accuracy", ""},
                          {"distance", "the largest ‖W − W⁽⁰⁾‖₂"},
                          {"|∇f|² / f", ""},
                          {"file", ""}}};
  for (const auto number : record.snapshots) {
    const auto epoch = std::ranges::find(record.epochs, number, &VisionEpoch::epoch);
    if (epoch == record.epochs.end()) continue;
    table.add_row({number,
                   epoch->step_size,
                   number_or_blank(epoch->objective),
                   number_or_blank(epoch->test_accuracy),
                   number_or_blank(epoch->radius),
                   number_or_blank(epoch->squared_gradient / epoch->measured_objective),
                   fmt::format("snapshots/epoch-{:03}.safetensors", number)});
  }
  return table;
}

report::Paragraph introduction(const VisionRecord& record) {
  return {
      fmt::format("The network {} of width {} ({} weights{}) was trained on {} images of {} ({} x "
                  "{} x {}, {} classes): {}. It ended because {}, after {}.",
                  record.network,
                  format_count(record.width),
                  format_count(record.num_parameters),
                  record.activation == "relu" ? "" : ", " + record.activation,
                  format_count(record.num_samples),
                  record.data_name,
                  record.channels,
                  record.side,
                  record.side,
                  record.num_classes,
                  record.recipe,
                  ending(record),
                  base::format_seconds(record.seconds))};
}

std::string numbers_text(const std::vector<double>& numbers) {
  std::vector<std::string> texts;
  for (const double number : numbers) texts.push_back(format_number(number, 4));
  return base::join(texts, ", ");
}

report::Paragraph data_paragraph(const VisionRecord& record) {
  return {fmt::format(
      "{}. {} training and {} test images, scaled by channel: (x − mean) / deviation with mean {} "
      "and deviation {} ({}). Labels `{}`: {} of them are not the true ones.",
      record.data_source,
      format_count(record.num_samples),
      format_count(record.num_test),
      numbers_text(record.scale.mean),
      numbers_text(record.scale.deviation),
      record.scale.source,
      record.labels,
      format_count(record.num_changed_labels))};
}

}  // namespace

Table vision_table(const VisionRecord& record) {
  Table table{.columns = {{"quantity", ""}, {"value", ""}}};
  const auto add = [&](const char* name, const std::string& value) {
    table.add_row({name, value});
  };
  add("ended because", ending(record));
  add("epochs", format_count(finished_epochs(record)));
  if (std::isfinite(record.train_accuracy)) {
    add("training loss", format_number(record.train_objective, 5));
    add("training accuracy", percent(record.train_accuracy));
  }
  if (std::isfinite(record.test_accuracy)) {
    add("test loss", format_number(record.test_objective, 5));
    add("test accuracy", percent(record.test_accuracy));
  }
  add("network",
      fmt::format("{}, width {}, {} weights",
                  record.network,
                  record.width,
                  format_count(record.num_parameters)));
  add("recipe", record.recipe);
  if (record.num_changed_labels > 0) {
    add("labels",
        fmt::format("{} of {} changed by {}",
                    format_count(record.num_changed_labels),
                    format_count(record.num_samples),
                    record.labels));
  }
  if (!record.epochs.empty()) {
    add("|W - W(0)|", format_number(record.epochs.back().radius) + " spectral (max over tensors)");
  }
  std::vector<std::string> kept;
  for (const auto epoch : record.snapshots) kept.push_back(std::to_string(epoch));
  if (!kept.empty()) add("snapshots", "after the epochs " + base::join(kept, ", "));
  add("time", base::format_seconds(record.seconds));
  return table;
}

report::Page vision_page(const VisionRecord& record) {
  report::Page page{
      .title = fmt::format("{} on images", record.network),
      .subtitle = fmt::format("{} · {} · {}", record.data_name, record.name, record.created)};
  page.blocks = {introduction(record), key_numbers(record)};
  if (!record.epochs.empty()) {
    page.blocks.push_back(loss_figure(record));
    page.blocks.push_back(accuracy_figure(record));
    page.blocks.push_back(distance_figure(record));
    Figure gradient = gradient_figure(record);
    if (!gradient.series.front().x.empty()) page.blocks.push_back(std::move(gradient));
    page.blocks.push_back(gap_figure(record));
  }
  if (!record.snapshots.empty()) page.blocks.push_back(snapshot_table(record));
  page.blocks.push_back(report::Heading{"Data"});
  page.blocks.push_back(data_paragraph(record));
  if (!record.pictures.images.empty()) page.blocks.push_back(record.pictures);
  page.blocks.push_back(
      origin_details(record.settings_toml, record.environment, record.peak_memory, record.created));
  return page;
}

}  // namespace overparam::study
