// SPDX-License-Identifier: Apache-2.0
#include "net/architectures.hpp"

#include <algorithm>

#include "overparam/net/catalogue.hpp"
#include "support/tensors.hpp"

namespace overparam::tests {

namespace {

using net::Architecture;
using net::kInput;
using net::kSkip;

Architecture unequal_widths() {
  Architecture shape{.name = "unequal", .input_size = kInputSize};
  shape.blocks = {{"A", 8, kInputSize, 0.25, true},
                  {"W.1", 6, 8, 0.3, true},
                  {"W.2", 9, 6, 0.2, false},
                  {"B", 2, 9, 0.5, true},
                  {"b", 9, 1, 1, true}};
  shape.layers = {{{{.from = kInput, .block = 0}}, net::relu()},
                  {{{.from = 0, .block = 1, .gain = 0.7}}, net::relu()},
                  {{{.from = 1, .block = 2}, {.gather = net::Gather::one, .block = 4, .gain = 0.1}},
                   net::relu()},
                  {{{.from = 2, .block = 3}}, net::identity()}};
  return shape;
}

/// h_l = phi(h_{l-1} + tau W_l h_{l-1}), and a read-out of two layers at once.
Architecture residual() {
  Architecture shape{.name = "residual", .input_size = kInputSize};
  shape.blocks = {{"A", 7, kInputSize, 2.0 / 7, false},
                  {"W.1", 7, 7, 2.0 / 7, true},
                  {"W.2", 7, 7, 2.0 / 7, true},
                  {"B", 3, 7, 1.0 / 3, false},
                  {"C", 3, 7, 1.0 / 3, true}};
  shape.layers = {
      {{{.from = kInput, .block = 0}}, net::relu()},
      {{{.from = 0, .block = kSkip}, {.from = 0, .block = 1, .gain = 0.4}}, net::relu()},
      {{{.from = 1, .block = 2, .gain = 0.4}, {.from = 1, .block = kSkip, .gain = 0.9}},
       net::relu()},
      {{{.from = 2, .block = 3}, {.from = 0, .block = 4}}, net::identity()}};
  return shape;
}

/// One block at every layer, and the input read again at each: a recurrent net unrolled.
Architecture shared() {
  Architecture shape{.name = "shared", .input_size = kInputSize};
  shape.blocks = {
      {"A", 6, kInputSize, 2.0 / 6, true}, {"W", 6, 6, 2.0 / 6, true}, {"B", 2, 6, 0.5, false}};
  shape.layers = {{{{.from = kInput, .block = 0}}, net::relu()}};
  for (int layer = 1; layer <= 3; ++layer) {
    shape.layers.push_back(
        {{{.from = layer - 1, .block = 1}, {.from = kInput, .block = 0, .gain = 0.5}},
         net::relu()});
  }
  shape.layers.push_back({{{.from = 3, .block = 2}}, net::identity()});
  return shape;
}

}  // namespace

std::vector<NamedArchitecture> small_architectures() {
  std::vector<NamedArchitecture> list;
  const auto add = [&](const std::string& name,
                       const std::string& family,
                       const net::NetworkOptions& options,
                       const std::string& trained) {
    auto shape = net::find_network(family).build(options);
    net::select_trained(shape, trained);
    list.push_back({name, shape});
    std::ranges::replace(list.back().name, '-', '_');
  };
  const net::NetworkOptions small{.input_size = kInputSize, .num_outputs = 3, .width = 8};
  for (const auto& family : net::networks()) {
    for (const std::int64_t depth : {1, 3}) {
      auto options = small;
      options.depth = depth;
      if (family.name == "rnn") {
        if (depth == 1) continue;
        options.depth = kInputSize;
      }
      const bool has_hidden_blocks = family.build(options).blocks.size() > 2;
      for (const std::string trained : {"hidden", "all", "first", "last"}) {
        if (trained == "hidden" && !has_hidden_blocks) continue;
        add(family.name + "_L" + std::to_string(depth) + "_" + trained,
            family.name,
            options,
            trained);
      }
    }
  }
  for (const auto& activation : net::activations()) {
    auto options = small;
    options.activation = activation.name;
    add("fc_" + activation.name, "fc", options, "all");
    add("resnet_" + activation.name, "resnet", options, "all");
  }
  for (const std::string filters : {"shared", "unshared"}) {
    auto image = small;
    image.width = 6;
    image.depth = 3;
    image.filter = 2;
    image.filters = filters;
    image.bias = "0.3";
    image.activation = "softplus";
    const std::string name = "cnn_" + filters;
    add(name + "_biases", "cnn", image, "all");
    image.activation = "relu";
    add(name + "_hidden", "cnn", image, "hidden");
  }
  {
    auto steps = small;
    steps.depth = kInputSize;
    steps.every_step = true;
    add("rnn_every_step", "rnn", steps, "all");
  }
  auto options = small;
  options.widths = {8, 5, 11, 3};
  add("fc_widths", "fc", options, "all");
  options = small;
  options.depth = 3;
  options.tau = "0.6";
  for (const std::int64_t layers : {2, 3}) {
    options.block_layers = layers;
    add("resnet_branches_of_" + std::to_string(layers), "resnet", options, "all");
  }
  options.last = "residual";
  add("resnet_throughout", "resnet", options, "hidden");
  list.push_back({"unequal_widths", unequal_widths()});
  list.push_back({"residual", residual()});
  list.push_back({"shared_blocks", shared()});
  return list;
}

}  // namespace overparam::tests
