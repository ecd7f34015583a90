// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/vision_checkpoint.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::train {

namespace {

constexpr const char* kVelocityPrefix = "velocity.";

/// Name and place in the statistics of what a normalisation has gathered.
template <typename Action>
void for_statistics(const net::VisionArchitecture& architecture, const Action& action) {
  for (const auto& norm : architecture.norms) {
    action(norm.name + ".running_mean", norm.begin, norm.channels);
    action(norm.name + ".running_var", norm.begin + norm.channels, norm.channels);
  }
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : where_(path.string()), file_(base::read_safetensors(path)) {}

  [[nodiscard]] const std::string& text(const std::string& key) const {
    const auto entry = file_.metadata.find(key);
    base::require(entry != file_.metadata.end(),
                  ErrorKind::data,
                  "{}: not a snapshot of a network of images, its metadata have no {}",
                  where_,
                  key);
    return entry->second;
  }

  [[nodiscard]] double number(const std::string& key) const {
    const auto value = base::parse_number(text(key));
    base::require(value.has_value(),
                  ErrorKind::data,
                  "{}: {} must be a number, found \"{}\"",
                  where_,
                  key,
                  text(key));
    return *value;
  }

  [[nodiscard]] std::int64_t integer(const std::string& key) const {
    const auto value = base::parse_integer(text(key));
    // Larger ones would only overflow where the network is built.
    constexpr std::int64_t kMost = 1'000'000;
    base::require(value && *value >= 0 && *value <= kMost,
                  ErrorKind::data,
                  "{}: {} must be a whole number from 0 to {}, found \"{}\"",
                  where_,
                  key,
                  kMost,
                  text(key));
    return *value;
  }

  [[nodiscard]] net::VisionArchitecture architecture() const {
    const net::VisionOptions options{.num_classes = integer("classes"),
                                     .channels = integer("channels"),
                                     .side = integer("side"),
                                     .width = integer("width"),
                                     .activation = text("activation")};
    try {
      return net::make_vision_architecture(text("network"), options);
    } catch (const Error& error) {
      base::fail(ErrorKind::data, "{}: {}", where_, error.what());
    }
  }

  /// Tensors of the file side by side in one vector. Checked before anything is taken for it, so
  /// that metadata which promise more than the file holds cost no memory.
  [[nodiscard]] at::Tensor vector(const std::vector<std::string>& names,
                                  const std::vector<std::vector<std::int64_t>>& sizes,
                                  at::ScalarType type) const {
    std::vector<at::Tensor> parts{at::empty({0}, type)};
    for (std::size_t i = 0; i < names.size(); ++i) {
      parts.push_back(checked(names[i], sizes[i], type).reshape({-1}));
    }
    return at::cat(parts);
  }

  /// A vector like W whose tensors stand in the file under `prefix`.
  [[nodiscard]] at::Tensor weights(const net::VisionArchitecture& architecture,
                                   const std::string& prefix) const {
    std::vector<std::string> names;
    std::vector<std::vector<std::int64_t>> sizes;
    for (const auto& tensor : architecture.tensors) {
      names.push_back(prefix + tensor.name);
      sizes.push_back(tensor.sizes);
    }
    return vector(names, sizes, number_type(names.front()));
  }

  [[nodiscard]] VisionSnapshot snapshot() const {
    VisionSnapshot snapshot{.architecture = architecture(), .epoch = integer("epoch")};
    snapshot.weights = weights(snapshot.architecture, "");
    std::vector<std::string> names;
    std::vector<std::vector<std::int64_t>> sizes;
    for_statistics(snapshot.architecture,
                   [&](const std::string& name, std::int64_t, std::int64_t channels) {
                     names.push_back(name);
                     sizes.push_back({channels});
                   });
    snapshot.statistics = vector(names, sizes, snapshot.weights.scalar_type());
    return snapshot;
  }

 private:
  [[nodiscard]] const at::Tensor& checked(const std::string& name,
                                          const std::vector<std::int64_t>& sizes,
                                          at::ScalarType type) const {
    const at::Tensor* tensor = file_.find(name);
    base::require(tensor != nullptr, ErrorKind::data, "{}: there is no tensor {}", where_, name);
    base::require(tensor->sizes() == at::IntArrayRef(sizes) && tensor->scalar_type() == type,
                  ErrorKind::data,
                  "{}: tensor {} is ({}) {}, expected ({}) {}",
                  where_,
                  name,
                  fmt::join(tensor->sizes(), ", "),
                  c10::toString(tensor->scalar_type()),
                  fmt::join(sizes, ", "),
                  c10::toString(type));
    return *tensor;
  }

  /// That of the first tensor, if it is one that networks have.
  [[nodiscard]] at::ScalarType number_type(const std::string& name) const {
    const at::Tensor* first = file_.find(name);
    const bool is_double = first != nullptr && first->scalar_type() == at::kDouble;
    return is_double ? at::kDouble : at::kFloat;
  }

  std::string where_;
  base::TensorFile file_;
};

}  // namespace

base::TensorFile snapshot_file(const net::VisionArchitecture& architecture,
                               const at::Tensor& weights,
                               const at::Tensor& statistics,
                               std::int64_t epoch) {
  base::TensorFile file;
  const at::Tensor flat = weights.cpu();
  const auto parts = net::parts_of(architecture, flat);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    file.tensors.emplace_back(architecture.tensors[i].name, parts[i]);
  }
  const at::Tensor gathered = statistics.cpu();
  for_statistics(architecture,
                 [&](const std::string& name, std::int64_t begin, std::int64_t count) {
                   file.tensors.emplace_back(name, gathered.narrow(0, begin, count));
                 });
  const auto& options = architecture.options;
  file.metadata = {{"network", architecture.name},
                   {"classes", std::to_string(options.num_classes)},
                   {"channels", std::to_string(options.channels)},
                   {"side", std::to_string(options.side)},
                   {"width", std::to_string(options.width)},
                   {"activation", options.activation},
                   {"epoch", std::to_string(epoch)}};
  return file;
}

VisionSnapshot read_snapshot(const std::filesystem::path& path) { return Reader(path).snapshot(); }

std::string describe(const net::VisionArchitecture& architecture) {
  const auto& options = architecture.options;
  return fmt::format("{}, {} classes, {} x {} x {}, width {}, {}",
                     architecture.name,
                     options.num_classes,
                     options.channels,
                     options.side,
                     options.side,
                     options.width,
                     options.activation);
}

void save_vision_checkpoint(const std::filesystem::path& path,
                            const net::VisionArchitecture& architecture,
                            const VisionState& state,
                            double seconds,
                            const std::string& fingerprint) {
  base::TensorFile file = snapshot_file(architecture, state.weights, state.statistics, state.epoch);
  const at::Tensor velocity = state.velocity.cpu();
  const auto parts = net::parts_of(architecture, velocity);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    file.tensors.emplace_back(kVelocityPrefix + architecture.tensors[i].name, parts[i]);
  }
  file.metadata["seconds"] = fmt::format("{}", seconds);
  file.metadata["fingerprint"] = fingerprint;
  base::write_safetensors(path, file);
}

VisionCheckpoint load_vision_checkpoint(const std::filesystem::path& path,
                                        const net::VisionArchitecture& architecture,
                                        const std::string& fingerprint,
                                        const at::TensorOptions& options) {
  const Reader reader(path);
  base::require(reader.text("fingerprint") == fingerprint,
                ErrorKind::data,
                "{}: made by a run with other settings ({}, expected {})",
                path.string(),
                reader.text("fingerprint"),
                fingerprint);
  const auto snapshot = reader.snapshot();
  base::require(describe(snapshot.architecture) == describe(architecture),
                ErrorKind::data,
                "{}: holds {}, expected {}",
                path.string(),
                describe(snapshot.architecture),
                describe(architecture));
  return {.state = {.epoch = snapshot.epoch,
                    .weights = snapshot.weights.to(options),
                    .velocity = reader.weights(architecture, kVelocityPrefix).to(options),
                    .statistics = snapshot.statistics.to(options)},
          .seconds = reader.number("seconds")};
}

}  // namespace overparam::train
