// SPDX-License-Identifier: Apache-2.0
// The architecture that the settings describe, and the memory that training it takes.
#include <algorithm>
#include <cmath>

#include "overparam/base/memory.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/net/catalogue.hpp"
#include "overparam/study/training.hpp"
#include "overparam/study/vision_run.hpp"
#include "overparam/train/newton_plan.hpp"
#include "overparam/train/step_size.hpp"
#include "run_settings.hpp"

namespace overparam::study {

namespace {

/// The settings that only some families read, and whose values differ from the default.
std::vector<std::string> chosen_settings(const Settings& settings) {
  std::vector<std::string> chosen;
  for (const char* name : {"depth",
                           "widths",
                           "activation",
                           "tau",
                           "block_layers",
                           "last",
                           "filter",
                           "filters",
                           "bias"}) {
    const std::string key = std::string("network.") + name;
    if (settings.text(key) != find_option(key, key).fallback) chosen.emplace_back(name);
  }
  return chosen;
}

/// Refuses a setting that the family would not look at.
void check_settings_are_read(const Settings& settings, const net::NetworkFamily& family) {
  for (const auto& name : chosen_settings(settings)) {
    const std::string key = "network." + name;
    base::require(std::ranges::find(family.reads, name) != family.reads.end(),
                  ErrorKind::usage,
                  "{}: the network {} has no {}, found \"{}\"",
                  settings.origin(key),
                  family.name,
                  name,
                  settings.text(key));
  }
}

std::vector<std::int64_t> parse_widths(const Settings& settings) {
  std::vector<std::int64_t> widths;
  const std::string& text = settings.text("network.widths");
  if (text.empty()) return widths;
  for (const auto& part : base::split(text, ',')) {
    const auto width = base::parse_number(part);
    base::require(width && *width >= 1 && *width < 1e9 && std::floor(*width) == *width,
                  ErrorKind::usage,
                  "{}: network.widths must be whole numbers such as 512,1024,256, found \"{}\"",
                  settings.origin("network.widths"),
                  text);
    widths.push_back(static_cast<std::int64_t>(*width));
  }
  return widths;
}

constexpr double kMostWeights = 1e15;

/// Before any arithmetic with sizes: a product of theirs may not fit 64 bits, nor a list of layers
/// the memory.
void check_size(const net::NetworkOptions& options) {
  constexpr double kMostLayers = 1e5;
  const auto m = static_cast<double>(options.width);
  const auto L = static_cast<double>(options.depth) * static_cast<double>(options.block_layers);
  const auto ends =
      static_cast<double>(options.input_size) + static_cast<double>(options.num_outputs);
  base::require(L <= kMostLayers && m * (m * L + ends) <= kMostWeights,
                ErrorKind::capacity,
                "would not fit any memory: {} hidden layers of width {} are {:.3g} weights",
                L,
                m,
                m * (m * L + ends));
}

/// A convolution's dense layer may be larger than anything its options name.
void check_size(const net::Architecture& architecture) {
  for (const auto& block : architecture.blocks) {
    const double weights = static_cast<double>(block.rows) * static_cast<double>(block.columns);
    base::require(weights <= kMostWeights,
                  ErrorKind::capacity,
                  "would not fit any memory: the block {} of {} x {} weights",
                  block.name,
                  block.rows,
                  block.columns);
  }
}

net::NetworkOptions network_options(const Settings& settings, const NetworkInput& input) {
  net::NetworkOptions options{.input_size = input.size,
                              .num_outputs = input.outputs,
                              .width = settings.integer("network.width"),
                              .depth = settings.integer("network.depth"),
                              .input_shape = input.shape,
                              .separation = input.separation,
                              .widths = parse_widths(settings),
                              .activation = settings.text("network.activation"),
                              .tau = settings.text("network.tau"),
                              .block_layers = settings.integer("network.block_layers"),
                              .last = settings.text("network.last"),
                              .filter = settings.integer("network.filter"),
                              .filters = settings.text("network.filters"),
                              .bias = settings.text("network.bias")};
  if (!options.widths.empty()) {
    options.width = *std::ranges::max_element(options.widths);
    options.depth = static_cast<std::int64_t>(options.widths.size()) - 1;
  }
  return options;
}

}  // namespace

NetworkShape network_shape(const Settings& settings) {
  const auto options = network_options(settings, {});
  std::string name = settings.text("network.kind");
  const std::string& trained = settings.text("network.trained");
  if (trained != "auto" && trained != net::find_network(name).default_trained) {
    name += ", trained " + trained;
  }
  for (const auto& key : chosen_settings(settings)) {
    if (key != "depth") name += fmt::format(", {} {}", key, settings.text("network." + key));
  }
  return {.name = name, .width = options.width, .depth = options.depth};
}

NetworkInput network_input(const PreparedData& data) {
  return {.size = data.dataset.train.inputs.size(1),
          .outputs = data.num_outputs,
          .shape = data.dataset.shape,
          .separation = data.distinct_separation.distance};
}

net::Architecture build_architecture(const Settings& settings, const NetworkInput& input) {
  refuse_vision(settings, "this command");
  const auto& family = net::find_network(settings.text("network.kind"));
  check_settings_are_read(settings, family);
  const auto options = network_options(settings, input);
  check_size(options);
  auto architecture = family.build(options);
  check_size(architecture);
  const std::string& trained = settings.text("network.trained");
  net::select_trained(architecture, trained == "auto" ? family.default_trained : trained);
  return architecture;
}

base::MemoryPlan plan_memory(const Settings& settings,
                             const net::Architecture& architecture,
                             std::int64_t num_samples) {
  const std::uint64_t size = c10::elementSize(number_type(settings));
  const bool is_sgd = settings.text("train.method") == "sgd";
  const bool is_newton = settings.text("train.method") == "gauss-newton";
  std::int64_t widths = 0;
  const std::int64_t widest = architecture.largest_width();
  for (int layer = 0; layer < architecture.num_layers(); ++layer) {
    const bool keeps_slopes =
        architecture.layers[static_cast<std::size_t>(layer)].activation.keeps_slopes();
    widths += architecture.width_of(layer) * (keeps_slopes ? 2 : 1);
  }
  base::MemoryPlan plan("training");
  plan.add("weights", {architecture.num_parameters()}, size);
  if (settings.number("train.momentum") > 0) {
    plan.add("momentum", {architecture.num_trained_parameters()}, size);
  }
  std::int64_t largest_block = 0;
  for (const auto& block : architecture.blocks) {
    largest_block = std::max(largest_block, block.rows * block.columns);
  }
  plan.add("one weight matrix", {largest_block}, size);
  // Before the start K is multiplied by vectors: in sample space with a delta for each layer, or in
  // weight space with a copy of the trained weights. Steps then need two layers of cotangents.
  constexpr std::int64_t kProbes = 1024;
  const std::int64_t rows =
      is_sgd ? std::min(num_samples, std::max(kProbes, settings.integer("train.batch")))
             : num_samples;
  const std::int64_t curvature = kernel::product_numbers(architecture, num_samples);
  plan.add("features", {rows, widths}, size);
  const std::int64_t step_rule =
      is_sgd ? kernel::sample_eigenvalue_numbers(architecture, num_samples) : 0;
  plan.add("cotangents", {std::max({curvature, rows * 2 * widest, step_rule})}, size);
  plan.add("initial signs", {rows, widths}, 1);
  if (is_sgd && settings.number("train.gradient_norm") > 0 && num_samples > kProbes) {
    plan.add("the whole gradient", {architecture.num_trained_parameters()}, size);
  }
  const std::int64_t residual = num_samples * architecture.num_outputs();
  if (settings.text("run.precision") != "plain") {
    // References in float32, and narrow copies of at most two bytes a number.
    plan.add("references of narrow products",
             {2 * rows * widths + 2 * architecture.num_trained_parameters()},
             size);
    plan.add("narrow copies", {5 * rows * widths + 2 * architecture.num_trained_parameters()}, 2);
  }
  if (is_newton) {
    const auto options = train_options(settings);
    auto newton = options.newton;
    newton.memory_limit = memory_limit(settings);
    plan.add(train::plan_newton(
                 architecture, options.batch_of(num_samples), number_type(settings), newton)
                 .memory);
  } else {
    const std::int64_t products = train::most_products(residual);
    plan.add("Lanczos vectors", {products + 2, residual}, sizeof(double));
    plan.add("Ritz vectors", {3, products, products}, sizeof(double));
  }
  plan.add("inputs and targets",
           {num_samples, architecture.input_size + architecture.num_outputs()},
           size);
  return plan;
}

}  // namespace overparam::study
