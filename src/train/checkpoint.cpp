// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/checkpoint.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::train {

namespace {

constexpr const char* kVelocityPrefix = "velocity.";

const at::Tensor& checked_tensor(const base::TensorFile& file,
                                 const std::string& name,
                                 const at::Tensor& like,
                                 const std::string& where) {
  const at::Tensor* tensor = file.find(name);
  base::require(tensor != nullptr, ErrorKind::data, "{}: there is no tensor {}", where, name);
  base::require(tensor->sizes() == like.sizes() && tensor->scalar_type() == like.scalar_type(),
                ErrorKind::data,
                "{}: tensor {} is ({}) {}, expected ({}) {}",
                where,
                name,
                fmt::join(tensor->sizes(), ", "),
                c10::toString(tensor->scalar_type()),
                fmt::join(like.sizes(), ", "),
                c10::toString(like.scalar_type()));
  return *tensor;
}

std::string metadata(const base::TensorFile& file,
                     const std::string& key,
                     const std::string& where) {
  const auto entry = file.metadata.find(key);
  base::require(entry != file.metadata.end(),
                ErrorKind::data,
                "{}: not a checkpoint, it has no {}",
                where,
                key);
  return entry->second;
}

template <typename Number>
Number read_as(std::optional<Number> (*parse)(std::string_view),
               const base::TensorFile& file,
               const std::string& key,
               const std::string& where) {
  const std::string text = metadata(file, key, where);
  const auto value = parse(text);
  base::require(value.has_value(), ErrorKind::data, "{}: {} is \"{}\"", where, key, text);
  return *value;
}

double number(const base::TensorFile& file, const std::string& key, const std::string& where) {
  return read_as(base::parse_number, file, key, where);
}

std::int64_t integer(const base::TensorFile& file,
                     const std::string& key,
                     const std::string& where) {
  return read_as(base::parse_integer, file, key, where);
}

}  // namespace

base::TensorFile weights_file(const net::Network& network) {
  base::TensorFile file;
  const auto& blocks = network.architecture().blocks;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    file.tensors.emplace_back(blocks[i].name, network.parameters()[static_cast<int>(i)]);
  }
  file.metadata["network"] = network.architecture().name;
  return file;
}

void load_weights(net::Network& network, const base::TensorFile& file, const std::string& where) {
  const auto& blocks = network.architecture().blocks;
  std::vector<const at::Tensor*> found;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto& weights = network.parameters()[static_cast<int>(i)];
    found.push_back(&checked_tensor(file, blocks[i].name, weights, where));
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    network.parameters()[static_cast<int>(i)].copy_(*found[i]);
  }
}

void save_checkpoint(const std::filesystem::path& path,
                     const net::Network& network,
                     const TrainState& state,
                     const std::string& fingerprint) {
  base::TensorFile file = weights_file(network);
  const auto& blocks = network.architecture().blocks;
  for (std::size_t i = 0; i < state.velocity.size(); ++i) {
    const auto& velocity = state.velocity[static_cast<int>(i)];
    if (velocity.defined()) file.tensors.emplace_back(kVelocityPrefix + blocks[i].name, velocity);
  }
  file.metadata["fingerprint"] = fingerprint;
  file.metadata["step"] = std::to_string(state.step);
  file.metadata["initial_objective"] = fmt::format("{}", state.initial_objective);
  file.metadata["newton_damping"] = fmt::format("{}", state.newton.damping);
  file.metadata["newton_ratio"] = fmt::format("{}", state.newton.former_ratio);
  file.metadata["newton_milestone"] = fmt::format("{}", state.newton.milestone);
  file.metadata["newton_milestone_step"] = std::to_string(state.newton.milestone_step);
  file.metadata["products"] = linalg::to_string(state.products);
  file.metadata["seconds"] = fmt::format("{}", state.seconds);
  base::write_safetensors(path, file);
}

TrainState load_checkpoint(const std::filesystem::path& path,
                           net::Network& network,
                           const std::string& fingerprint) {
  const std::string where = path.string();
  const base::TensorFile file = base::read_safetensors(path);
  const std::string found = metadata(file, "fingerprint", where);
  base::require(found == fingerprint,
                ErrorKind::data,
                "{}: made by a run with other settings ({}, expected {})",
                where,
                found,
                fingerprint);
  TrainState state;
  state.step = integer(file, "step", where);
  state.initial_objective = number(file, "initial_objective", where);
  state.seconds = number(file, "seconds", where);
  state.newton = {.damping = number(file, "newton_damping", where),
                  .former_ratio = number(file, "newton_ratio", where),
                  .milestone = number(file, "newton_milestone", where),
                  .milestone_step = integer(file, "newton_milestone_step", where)};

  state.products = linalg::parse_products(metadata(file, "products", where));

  const auto& blocks = network.architecture().blocks;
  const bool has_velocity = std::ranges::any_of(
      file.tensors, [](const auto& entry) { return entry.first.starts_with(kVelocityPrefix); });
  if (has_velocity) {
    state.velocity = net::Parameters::trained_zeros(network.architecture(), network.options());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      auto& velocity = state.velocity[static_cast<int>(i)];
      if (!velocity.defined()) continue;
      velocity.copy_(checked_tensor(file, kVelocityPrefix + blocks[i].name, velocity, where));
    }
  }
  load_weights(network, file, where);
  return state;
}

}  // namespace overparam::train
