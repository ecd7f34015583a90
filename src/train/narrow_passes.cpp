// SPDX-License-Identifier: Apache-2.0
#include "narrow_passes.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "overparam/linalg/products.hpp"

namespace overparam::train {

using linalg::magnitude;

namespace {

bool is_plain_term(const net::Layer& layer, int below) {
  if (layer.terms.size() != 1 || layer.positions != 1) return false;
  const auto& term = layer.terms[0];
  return term.from == below && term.gather == net::Gather::identity && term.block != net::kSkip &&
         term.read.all() && term.write.all();
}

/// relu(W_L ... relu(W_1 relu(A x))) and a linear read-out, with exactly the W_l trained.
bool is_fully_connected_relu(const net::Architecture& architecture) {
  const int top = architecture.num_layers() - 1;
  for (int index = 0; index <= top; ++index) {
    const auto& layer = architecture.layers[static_cast<std::size_t>(index)];
    if (!is_plain_term(layer, index == 0 ? net::kInput : index - 1)) return false;
    const int block = layer.terms[0].block;
    const bool is_hidden = index > 0 && index < top;
    if (architecture.blocks[static_cast<std::size_t>(block)].trained != is_hidden ||
        architecture.uses_of(block) != 1) {
      return false;
    }
    if (layer.activation.name != (index == top ? net::identity() : net::relu()).name) return false;
  }
  return top > 1;
}

const net::Term& read_out_term(const net::Network& network) {
  return network.architecture().layers.back().terms[0];
}

}  // namespace

std::optional<std::string> narrow_obstacle(const net::Network& network,
                                           const TrainOptions& options) {
  const auto refused = [](const std::string& found) {
    return fmt::format(
        "narrow products train fully connected ReLU networks, their hidden layers only, by gd or "
        "sgd without momentum, in float32 on the CPU; found {}",
        found);
  };
  const auto products = options.products;
  if (options.method == Method::gauss_newton) return refused(to_string(options.method));
  if (options.method == Method::sgd && products != linalg::Products::automatic &&
      products != linalg::Products::bfloat16) {
    return refused(fmt::format("sgd in {}, which has bfloat16 alone", to_string(products)));
  }
  if (options.momentum > 0) return refused(fmt::format("momentum {}", options.momentum));
  if (network.options().dtype() != at::kFloat) return refused("float64");
  if (!network.options().device().is_cpu()) return refused(network.options().device().str());
  if (!is_fully_connected_relu(network.architecture())) {
    return refused("a network \"" + network.architecture().name +
                   "\" of other layers, activations or trained blocks");
  }
  return std::nullopt;
}

std::vector<HiddenLayer> hidden_layers(const net::Architecture& architecture) {
  std::vector<HiddenLayer> layers;
  for (int index = 1; index + 1 < architecture.num_layers(); ++index) {
    const auto& term = architecture.layers[static_cast<std::size_t>(index)].terms[0];
    layers.push_back({.index = index,
                      .block = term.block,
                      .gain = term.gain,
                      .rows = architecture.width_of(index),
                      .columns = architecture.width_of(index - 1)});
  }
  return layers;
}

double mask(at::Tensor& delta, const at::Tensor& features) {
  float* d = delta.data_ptr<float>();
  const float* h = features.data_ptr<float>();
  const Largest found = reduce(delta.numel(), [=](std::int64_t begin, std::int64_t end) {
    std::int32_t largest = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      d[i] = h[i] > 0 ? d[i] : 0;
      largest = std::max(largest, magnitude(d[i]));
    }
    return Largest{largest, 0};
  });
  return Largest::number(found.value);
}

void read_out(const net::Network& network, const at::Tensor& features, at::Tensor& outputs) {
  const auto& term = read_out_term(network);
  linalg::multiply(outputs, features, network.parameters()[term.block].t(), term.gain);
}

void read_back(const net::Network& network,
               const at::Tensor& cotangent,
               at::Tensor& above,
               double factor) {
  const auto& term = read_out_term(network);
  linalg::multiply(above, cotangent, network.parameters()[term.block], factor * term.gain);
}

}  // namespace overparam::train
