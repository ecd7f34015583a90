// SPDX-License-Identifier: Apache-2.0
// From settings to images and a network for them, and the memory that training takes.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/study/vision_run.hpp"
#include "prepare_stages.hpp"
#include "run_settings.hpp"
#include "vision_settings.hpp"

namespace overparam::study {

namespace {

/// Scaled images of a part, whose raw ones are given back.
at::Tensor take_planes(const data::Dataset& dataset,
                       data::Samples& samples,
                       const data::ImageScale& scale) {
  at::Tensor planes = data::image_planes(dataset, samples, scale);
  samples.inputs.reset();
  return planes;
}

void require_labels(const data::Dataset& dataset, const Settings& settings) {
  const std::string& network = settings.text("network.kind");
  base::require(dataset.train.labels.defined(),
                ErrorKind::data,
                "{}: has targets and no labels, and the network of images {} needs classes",
                dataset.name,
                network);
  base::require(dataset.num_classes >= 2,
                ErrorKind::data,
                "{}: has {} class, and the network of images {} needs two or more",
                dataset.name,
                dataset.num_classes,
                network);
  const std::int64_t outputs = settings.integer("network.outputs");
  base::require(outputs == 0 || outputs >= dataset.num_classes,
                ErrorKind::usage,
                "{}: network.outputs must be at least the {} classes of {}, found {}",
                settings.origin("network.outputs"),
                dataset.num_classes,
                dataset.name,
                outputs);
}

/// A batch of one image of 4 x 4 is one pixel where the last stage normalises, and has no variance.
void check_last_batch(const net::VisionArchitecture& architecture,
                      const train::VisionTrainOptions& options,
                      std::int64_t num_samples) {
  const std::int64_t rest = num_samples % options.batch_size;
  const bool has_single = options.batch_size == 1 || rest == 1;
  base::require(
      !has_single || architecture.norms.empty() || architecture.options.side > 4,
      ErrorKind::usage,
      "batches of {} from {} samples end in one of a single image of {} x {}, which batch "
      "normalisation cannot take",
      options.batch_size,
      num_samples,
      architecture.options.side,
      architecture.options.side);
}

}  // namespace

VisionProblem prepare_vision(const Settings& settings) {
  // Once before anything is read, for its refusals alone.
  (void)resolve_vision(settings, kMostMeasured);
  (void)device_of(settings);
  (void)memory_limit(settings);
  PreparedData prepared = read_data(settings);
  data::Dataset& dataset = prepared.dataset;
  require_labels(dataset, settings);
  const std::int64_t num_samples = dataset.train.size();
  VisionProblem problem{.settings = resolve_vision(settings, num_samples),
                        .scale = data::image_scale(dataset),
                        .data_name = dataset.name,
                        .data_source = dataset.source,
                        .num_changed_labels = prepared.num_changed_labels,
                        .pictures = std::move(prepared.pictures)};
  problem.architecture =
      net::make_vision_architecture(settings.text("network.kind"),
                                    {.num_classes = prepared.num_outputs,
                                     .channels = dataset.shape.size() == 3 ? dataset.shape[0] : 1,
                                     .side = dataset.shape.back(),
                                     .width = problem.settings.integer("network.width"),
                                     .activation = settings.text("network.activation")});
  const auto options = vision_options(problem.settings);
  options.validate(num_samples);
  check_last_batch(problem.architecture, options, num_samples);
  const std::int64_t num_images = num_samples + (dataset.test ? dataset.test->size() : 0);
  plan_vision_memory(problem.settings, problem.architecture, num_images)
      .check(memory_limit(settings));

  problem.train = {.images = take_planes(dataset, dataset.train, problem.scale),
                   .labels = dataset.train.labels,
                   .outside = data::scaled_black(problem.scale)};
  if (dataset.test) {
    problem.test_images = take_planes(dataset, *dataset.test, problem.scale);
    problem.test_labels = dataset.test->labels;
  }
  return problem;
}

base::MemoryPlan plan_vision_memory(const Settings& resolved,
                                    const net::VisionArchitecture& architecture,
                                    std::int64_t num_images) {
  const std::uint64_t size = c10::elementSize(number_type(resolved));
  const auto& shape = architecture.options;
  const std::int64_t batch = resolved.integer("train.batch");
  // Threads measure the gradient on batches of their own.
  const std::int64_t measured = std::min(num_images, kMostMeasured);
  const std::int64_t workers =
      std::min<std::int64_t>(at::get_num_threads(), measured / measured_batch() + 1);
  const std::int64_t rows = std::max(batch, std::min(measured, workers * measured_batch()));
  // A softplus is kept beside its input, and a convolution's gradient beside the features.
  const std::int64_t kept = shape.activation == "relu" ? 2 : 3;
  base::MemoryPlan plan("training");
  plan.add("images", {num_images, shape.channels, shape.side, shape.side}, sizeof(float));
  plan.add("features and their gradients", {rows, architecture.features_per_image(), kept}, size);
  plan.add(
      "weights, velocity, gradient and copies", {8 + workers, architecture.num_parameters()}, size);
  return plan;
}

}  // namespace overparam::study
