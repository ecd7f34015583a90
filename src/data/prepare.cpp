// SPDX-License-Identifier: Apache-2.0
#include "overparam/data/prepare.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "overparam/base/memory.hpp"
#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::data {

namespace {

/// Rows [first, first + count) with memory of their own.
Samples slice(const Samples& samples, std::int64_t first, std::int64_t count) {
  const auto rows = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, first, count).clone() : at::Tensor();
  };
  return {.inputs = rows(samples.inputs),
          .targets = rows(samples.targets),
          .labels = rows(samples.labels)};
}

/// The parts of a data set with the words for them.
std::vector<std::pair<std::string, Samples*>> parts_of(Dataset& dataset) {
  std::vector<std::pair<std::string, Samples*>> parts{{"training", &dataset.train}};
  if (dataset.test) parts.emplace_back("test", &*dataset.test);
  return parts;
}

}  // namespace

void take_samples(Dataset& dataset, std::int64_t num_samples, std::int64_t num_test) {
  const std::int64_t available = dataset.train.size();
  base::require(num_samples >= 0 && num_test >= 0,
                ErrorKind::usage,
                "{}: the numbers of samples must not be negative, found {} and {}",
                dataset.name,
                num_samples,
                num_test);
  base::require(
      num_samples <= available && num_test < available && num_samples + num_test <= available,
      ErrorKind::usage,
      "{}: asked for {} training and {} test samples, it has {}",
      dataset.name,
      num_samples == 0 ? "all" : base::format_count(num_samples),
      base::format_count(num_test),
      base::format_count(available));
  const std::int64_t kept = num_samples > 0 ? num_samples : available - num_test;
  if (num_test > 0) dataset.test = slice(dataset.train, kept, num_test);
  if (kept < available) dataset.train = slice(dataset.train, 0, kept);
}

void average_down(Dataset& dataset, std::int64_t side) {
  if (side == 0) return;
  const auto& shape = dataset.shape;
  base::require(shape.size() == 2 || shape.size() == 3,
                ErrorKind::usage,
                "{}: an image size of {} was asked for, and its samples are no images",
                dataset.name,
                side);
  const std::int64_t channels = shape.size() == 3 ? shape[0] : 1;
  const std::int64_t height = shape[shape.size() - 2];
  const std::int64_t width = shape.back();
  base::require(side > 0 && height % side == 0 && width % side == 0,
                ErrorKind::usage,
                "{}: images of {} x {} cannot be averaged down to {} x {}: the sides must be "
                "multiples of it",
                dataset.name,
                height,
                width,
                side,
                side);
  for (auto& [name, samples] : parts_of(dataset)) {
    samples->inputs = samples->inputs.view({-1, channels, side, height / side, side, width / side})
                          .mean({3, 5})
                          .view({-1, channels * side * side});
  }
  dataset.shape[shape.size() - 2] = side;
  dataset.shape.back() = side;
}

namespace {

/// Whole numbers that were few enough in their file to be taken for classes, as the numbers they
/// are. Classes of other names stay.
void read_classes_as_targets(Dataset& dataset) {
  const at::Tensor& labels = dataset.train.labels;
  at::Tensor targets = at::empty({labels.size(0), 1}, at::kDouble);
  auto* out = targets.data_ptr<double>();
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    const auto number = base::parse_number(dataset.class_name(labels[i].item<std::int64_t>()));
    if (!number) return;
    out[i] = *number;
  }
  dataset.train.targets = targets;
  dataset.train.labels = at::Tensor();
  dataset.num_classes = 0;
  dataset.class_names.clear();
}

}  // namespace

void add_test_part(Dataset& dataset, Dataset other) {
  base::require(other.shape == dataset.shape,
                ErrorKind::data,
                "{}: its inputs have another shape than those of {}",
                other.name,
                dataset.name);
  const at::Tensor& targets = dataset.train.targets;
  const bool one_number = targets.defined() && targets.dim() == 2 && targets.size(1) == 1;
  if (one_number && !dataset.train.labels.defined() && other.train.labels.defined())
    read_classes_as_targets(other);
  const auto kind = [](const Dataset& data) {
    return data.train.labels.defined() ? "labels" : "targets";
  };
  base::require(other.train.labels.defined() == dataset.train.labels.defined(),
                ErrorKind::data,
                "{}: it holds {}, but {} holds {}",
                other.name,
                kind(other),
                dataset.name,
                kind(dataset));
  if (other.train.labels.defined()) {
    std::map<std::string, std::int64_t> numbers;
    for (std::int64_t c = 0; c < dataset.num_classes; ++c) numbers[dataset.class_name(c)] = c;
    other.train.labels = other.train.labels.contiguous().clone();
    auto* labels = other.train.labels.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < other.train.labels.numel(); ++i) {
      const std::string name = other.class_name(labels[i]);
      const auto found = numbers.find(name);
      base::require(found != numbers.end(),
                    ErrorKind::data,
                    "{}: sample {} is of class \"{}\", which {} lacks",
                    other.name,
                    i,
                    name,
                    dataset.name);
      labels[i] = found->second;
    }
  }
  dataset.test = std::move(other.train);
}

LabelNoise parse_label_noise(const std::string& text) {
  constexpr std::string_view kNoisy = "noisy:";
  if (text == "true") return {.probability = 0};
  if (text == "random") return {.probability = 1};
  std::optional<double> probability;
  if (text.starts_with(kNoisy)) {
    probability = base::parse_number(std::string_view(text).substr(kNoisy.size()));
  }
  base::require(probability && *probability >= 0 && *probability <= 1,
                ErrorKind::usage,
                "labels: expected true, random or noisy:P with P from 0 to 1, found \"{}\"",
                text);
  return {.probability = *probability};
}

namespace {

/// Which of `count` samples are redrawn. A larger probability redraws the same ones and more.
std::vector<std::int64_t> redrawn_samples(std::int64_t count,
                                          double probability,
                                          std::uint64_t seed) {
  base::Random random(base::Stream(seed, "label noise"));
  std::vector<std::int64_t> redrawn;
  for (std::int64_t i = 0; i < count; ++i) {
    if (random.uniform() < probability) redrawn.push_back(i);
  }
  return redrawn;
}

}  // namespace

void apply_label_noise(Dataset& dataset, LabelNoise noise, std::uint64_t seed) {
  if (noise.probability == 0) return;
  Samples& train = dataset.train;
  base::require(train.labels.defined() != train.targets.defined(),
                ErrorKind::usage,
                "{}: label noise needs labels or targets, and only one of them; it comes before "
                "targets are made from labels",
                dataset.name);
  const auto redrawn = redrawn_samples(train.size(), noise.probability, seed);
  if (train.labels.defined()) {
    train.labels = train.labels.clone();
    auto* labels = train.labels.data_ptr<std::int64_t>();
    for (const auto i : redrawn) {
      // One stream a sample, so that its new label does not depend on which others are redrawn.
      base::Random random(base::Stream(seed, "new label", static_cast<std::uint64_t>(i)));
      labels[i] = random.below(dataset.num_classes);
    }
  } else {
    const auto order =
        base::random_permutation(std::ssize(redrawn), base::Stream(seed, "new targets"));
    std::vector<std::int64_t> source(static_cast<std::size_t>(train.size()));
    std::iota(source.begin(), source.end(), std::int64_t{0});
    for (std::size_t i = 0; i < redrawn.size(); ++i) {
      source[static_cast<std::size_t>(redrawn[i])] = redrawn[static_cast<std::size_t>(order[i])];
    }
    train.targets = train.targets.index_select(0, at::tensor(source));
  }
}

namespace {

void check_labels(const Dataset& dataset, const std::string& part, const at::Tensor& labels) {
  const auto* values = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    if (values[i] >= 0 && values[i] < dataset.num_classes) continue;
    base::fail(ErrorKind::data,
               "{}: {} sample {} has label {}, expected 0 to {}",
               dataset.name,
               part,
               i,
               values[i],
               dataset.num_classes - 1);
  }
}

/// One-hot rows, or for one output the classes spaced evenly over [-1, 1].
at::Tensor encode(const at::Tensor& labels, std::int64_t num_classes, std::int64_t num_outputs) {
  base::MemoryPlan plan("targets");
  plan.add("targets", {labels.numel(), num_outputs}, sizeof(double));
  plan.check();
  at::Tensor targets = at::zeros({labels.numel(), num_outputs}, at::kDouble);
  if (num_outputs > 1) return targets.scatter_(1, labels.view({-1, 1}), 1.0);
  if (num_classes == 1) return targets;
  return targets.copy_(labels.view({-1, 1}))
      .mul_(2.0 / static_cast<double>(num_classes - 1))
      .sub_(1);
}

std::int64_t target_columns(const Dataset& dataset) {
  const Samples& train = dataset.train;
  if (train.targets.defined()) return train.targets.size(1);
  base::require(train.labels.defined() && dataset.num_classes > 0,
                ErrorKind::data,
                "{}: has neither labels nor targets",
                dataset.name);
  return dataset.num_classes;
}

}  // namespace

std::int64_t encode_targets(Dataset& dataset, std::int64_t num_outputs) {
  base::require(num_outputs >= 0,
                ErrorKind::usage,
                "the number of outputs must not be negative, found {}",
                num_outputs);
  const std::int64_t outputs = num_outputs > 0 ? num_outputs : target_columns(dataset);
  for (const auto& [part, samples] : parts_of(dataset)) {
    if (samples->targets.defined()) {
      base::require(samples->targets.size(1) == outputs,
                    ErrorKind::usage,
                    "{}: {} outputs, but the {} samples have {} target columns",
                    dataset.name,
                    outputs,
                    part,
                    samples->targets.size(1));
      continue;
    }
    base::require(samples->labels.defined() && dataset.num_classes > 0,
                  ErrorKind::data,
                  "{}: the {} samples have neither labels nor targets",
                  dataset.name,
                  part);
    base::require(outputs == 1 || outputs >= dataset.num_classes,
                  ErrorKind::usage,
                  "{}: {} outputs for {} classes, expected 1 or at least {}",
                  dataset.name,
                  outputs,
                  dataset.num_classes,
                  dataset.num_classes);
    samples->labels = samples->labels.contiguous();
    check_labels(dataset, part, samples->labels);
    samples->targets =
        encode(samples->labels, dataset.num_classes, outputs).to(samples->inputs.scalar_type());
  }
  return outputs;
}

namespace {

void check_finite(const Dataset& dataset,
                  const std::string& part,
                  const char* what,
                  const at::Tensor& tensor) {
  if (!tensor.defined()) return;
  constexpr std::int64_t kRowsAtOnce = 1024;
  for (std::int64_t first = 0; first < tensor.size(0); first += kRowsAtOnce) {
    const at::Tensor block = tensor.narrow(0, first, std::min(kRowsAtOnce, tensor.size(0) - first));
    const at::Tensor broken = at::isfinite(block).logical_not();
    if (!broken.any().item<bool>()) continue;
    const at::Tensor place = broken.nonzero()[0];
    const auto row = place[0].item<std::int64_t>();
    const auto column = place[1].item<std::int64_t>();
    base::fail(ErrorKind::data,
               "{}: {} sample {}, {} {} is {}, not a finite number",
               dataset.name,
               part,
               first + row,
               what,
               column,
               block[row][column].item<double>());
  }
}

}  // namespace

void check_finite(const Dataset& dataset) {
  check_finite(dataset, "training", "coordinate", dataset.train.inputs);
  check_finite(dataset, "training", "target", dataset.train.targets);
  if (!dataset.test) return;
  check_finite(dataset, "test", "coordinate", dataset.test->inputs);
  check_finite(dataset, "test", "target", dataset.test->targets);
}

}  // namespace overparam::data
