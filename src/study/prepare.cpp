// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/prepare.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

#include "overparam/base/catalogue.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/net/vision.hpp"
#include "prepare_stages.hpp"

namespace overparam::study {

namespace {

namespace fs = std::filesystem;

bool is_generator(const std::string& name) {
  return std::ranges::any_of(data::generators(),
                             [&](const auto& generator) { return generator.name == name; });
}

/// The setting data.test as a count, if it is one.
std::int64_t test_count(const Settings& settings) {
  return base::parse_integer(settings.text("data.test")).value_or(0);
}

data::Dataset generate(const Settings& settings) {
  base::require(settings.text("data.label_column").empty(),
                ErrorKind::usage,
                "{}: data.label_column is for CSV files, and {} is generated",
                settings.origin("data.label_column"),
                settings.text("data.source"));
  const std::string& test = settings.text("data.test");
  base::require(test.empty() || base::parse_integer(test).value_or(-1) >= 0,
                ErrorKind::usage,
                "{}: data.test must be a number of samples where {} is generated, found \"{}\"",
                settings.origin("data.test"),
                settings.text("data.source"),
                test);
  constexpr std::int64_t kDefaultSamples = 100;
  const std::int64_t asked = settings.integer("data.samples");
  return data::find_generator(settings.text("data.source"))
      .generate({
          .num_samples = asked > 0 ? asked : kDefaultSamples,
          .num_test_samples = test_count(settings),
          .dimension = settings.integer("data.dim"),
          .num_outputs = std::max<std::int64_t>(1, settings.integer("network.outputs")),
          .num_classes = settings.integer("data.classes"),
          .separation = settings.number("data.separation"),
          .seed = static_cast<std::uint64_t>(settings.integer("run.seed")),
      });
}

void refuse_generator_options(const Settings& settings) {
  for (const char* key : {"data.separation", "data.dim", "data.classes"}) {
    base::require(settings.number(key) == 0,
                  ErrorKind::usage,
                  "{}: {} is for generated data, and {} is a file",
                  settings.origin(key),
                  key,
                  settings.text("data.source"));
  }
}

data::Dataset read(const Settings& settings) {
  const std::string& source = settings.text("data.source");
  if (!fs::exists(source)) {
    const auto names = base::names_of(data::generators());
    base::fail(ErrorKind::data,
               "there is no file, folder or generator \"{}\"{}; generators: {}",
               source,
               base::did_you_mean(source, names),
               base::join(names, ", "));
  }
  refuse_generator_options(settings);
  const data::ReaderOptions options{.label_column = settings.text("data.label_column")};
  data::Dataset dataset = data::read_dataset(source, options);
  const std::string& test = settings.text("data.test");
  const bool test_is_path = !test.empty() && !base::parse_integer(test);
  if (test_is_path) data::add_test_part(dataset, data::read_dataset(test, options));
  data::take_samples(dataset, settings.integer("data.samples"), test_count(settings));
  return dataset;
}

/// The first samples as pictures: two of a row of ten, before anything is normalised.
report::ImageGrid draw_samples(const data::Dataset& dataset) {
  constexpr std::int64_t kMostPictures = 30;
  report::ImageGrid grid{.id = "samples",
                         .title = "The first training samples",
                         .caption = "As they were read, before normalisation, with their labels."};
  const auto& shape = dataset.shape;
  const bool grey = shape.size() == 2;
  const bool colour = shape.size() == 3 && shape[0] == 3;
  if (!grey && !colour) return grid;
  grid.channels = colour ? 3 : 1;
  grid.height = static_cast<int>(shape[shape.size() - 2]);
  grid.width = static_cast<int>(shape[shape.size() - 1]);
  const std::int64_t count = std::min(kMostPictures, dataset.train.size());
  const at::Tensor pixels =
      dataset.train.inputs.narrow(0, 0, count).to(at::kFloat).clamp(0, 1).contiguous();
  for (std::int64_t i = 0; i < count; ++i) {
    report::ImageGrid::Image image;
    const float* begin = pixels.data_ptr<float>() + i * pixels.size(1);
    image.pixels.assign(begin, begin + pixels.size(1));
    if (dataset.train.labels.defined()) {
      image.label = dataset.class_name(dataset.train.labels[i].item<std::int64_t>());
    }
    grid.images.push_back(std::move(image));
  }
  return grid;
}

train::Problem problem_of(const data::Samples& samples,
                          const PreparedData& data,
                          const Settings& settings) {
  train::Problem problem{.inputs = samples.inputs,
                         .targets = samples.targets.to(number_type(settings)),
                         .labels = samples.labels,
                         .num_classes = data.dataset.num_classes,
                         .loss = net::find_loss(settings.text("train.loss")),
                         .separation = data.separation.distance};
  net::check_targets(problem.loss, problem.targets);
  const at::Device device = device_of(settings);
  if (!device.is_cpu()) {
    problem.inputs = problem.inputs.to(device);
    problem.targets = problem.targets.to(device);
  }
  return problem;
}

}  // namespace

at::ScalarType number_type(const Settings& settings) {
  return settings.text("run.dtype") == "float64" ? at::kDouble : at::kFloat;
}

at::Device device_of(const Settings& settings) {
  const std::string& name = settings.text("run.device");
  if (name == "cpu") return at::kCPU;
  const bool is_cuda = name == "cuda" || name.starts_with("cuda:");
  const auto index = base::parse_integer(name.size() > 5 ? name.substr(5) : "0");
  base::require(is_cuda && index && *index >= 0 && *index < 128,
                ErrorKind::usage,
                "{}: run.device must be cpu, cuda or cuda:N, found \"{}\"",
                settings.origin("run.device"),
                name);
  base::require(at::hasCUDA(),
                ErrorKind::usage,
                "{}: this LibTorch has no {} device",
                settings.origin("run.device"),
                name);
  return {at::kCUDA, static_cast<at::DeviceIndex>(*index)};
}

PreparedData read_data(const Settings& settings) {
  PreparedData prepared{.dataset = is_generator(settings.text("data.source")) ? generate(settings)
                                                                              : read(settings)};
  data::Dataset& dataset = prepared.dataset;
  data::check_finite(dataset);
  const at::Tensor true_labels = dataset.train.labels;
  data::apply_label_noise(dataset,
                          data::parse_label_noise(settings.text("data.labels")),
                          static_cast<std::uint64_t>(settings.integer("run.seed")));
  if (true_labels.defined()) {
    prepared.num_changed_labels = true_labels.ne(dataset.train.labels).sum().item<std::int64_t>();
  }
  data::average_down(dataset, settings.integer("data.image_size"));
  prepared.pictures = draw_samples(dataset);
  prepared.num_outputs = data::encode_targets(dataset, settings.integer("network.outputs"));

  const std::string& normalisation = settings.text("data.normalise");
  if (normalisation != "auto") {
    prepared.normalisation = data::parse_normalisation(normalisation);
  } else {
    prepared.normalisation =
        wants_unit_inputs(settings) ? data::Normalisation::unit : dataset.default_normalisation;
  }
  return prepared;
}

bool wants_unit_inputs(const Settings& settings) {
  return settings.text("data.normalise") == "auto" &&
         !net::is_vision_network(settings.text("network.kind")) &&
         net::find_network(settings.text("network.kind")).unit_inputs;
}

void normalise_and_measure(PreparedData& prepared,
                           data::Normalisation normalisation,
                           at::ScalarType dtype) {
  data::Dataset& dataset = prepared.dataset;
  prepared.normalisation = normalisation;
  data::normalise(dataset, normalisation, dtype);
  prepared.duplicates = data::find_duplicates(dataset.train);
  prepared.distinct_separation =
      data::separation_of_distinct(dataset.train.inputs, prepared.duplicates);
  prepared.separation = prepared.distinct_separation;
  if (!prepared.duplicates.groups.empty()) {
    const auto& members = prepared.duplicates.groups.front().members;
    prepared.separation = {.distance = 0, .first = members[0], .second = members[1]};
  }
}

PreparedData prepare_data(const Settings& settings) {
  PreparedData prepared = read_data(settings);
  normalise_and_measure(prepared, prepared.normalisation, number_type(settings));
  return prepared;
}

train::Problem training_problem(const PreparedData& data, const Settings& settings) {
  return problem_of(data.dataset.train, data, settings);
}

train::Problem test_problem(const PreparedData& data, const Settings& settings) {
  return data.dataset.test ? problem_of(*data.dataset.test, data, settings) : train::Problem{};
}

}  // namespace overparam::study
