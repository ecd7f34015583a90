// SPDX-License-Identifier: Apache-2.0
// Arrays saved by numpy: .npy files side by side, or a .npz archive. Which array is what follows
// from the names.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <functional>

#include "class_values.hpp"
#include "input_file.hpp"
#include "overparam/base/array_files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"

namespace overparam::data {

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kInputNames{"X", "x", "inputs", "images", "data", "features"};
const std::vector<std::string> kTargetNames{"y", "Y", "labels", "targets", "target"};

/// Arrays that can be asked for by name.
struct Source {
  std::string file;
  std::function<bool(const std::string& name)> has;
  std::function<at::Tensor(const std::string& name)> read;
};

/// One part, as named in the source.
struct PartNames {
  std::string inputs;
  std::string targets;
};

/// `name` as it may be spelled for a part: x_train, train_x.
std::vector<std::string> spellings(const std::string& name, const std::string& part) {
  if (part.empty()) return {name};
  return {name + "_" + part, part + "_" + name};
}

std::string find(const Source& source,
                 const std::vector<std::string>& names,
                 const std::string& part) {
  for (const auto& name : names) {
    for (const auto& spelling : spellings(name, part)) {
      if (source.has(spelling)) return spelling;
    }
  }
  return {};
}

PartNames find_part(const Source& source, const std::string& part) {
  return {.inputs = find(source, kInputNames, part), .targets = find(source, kTargetNames, part)};
}

std::string shape_text(const at::Tensor& tensor) {
  return fmt::format("({})", fmt::join(tensor.sizes(), ", "));
}

/// Small integers and halves fit float32 exactly; larger integers need float64.
at::ScalarType float_type_for(at::ScalarType type) {
  const bool wide = type == at::kDouble || type == at::kLong || type == at::kInt;
  return wide ? at::kDouble : at::kFloat;
}

at::Tensor to_inputs(const at::Tensor& array, bool images) {
  at::Tensor inputs = array.to(float_type_for(array.scalar_type())).flatten(1).contiguous();
  if (images) inputs.div_(255);
  return inputs;
}

/// Integers, one a sample, are labels; everything else is a target.
bool is_labels(const at::Tensor& array) {
  const bool one_each = array.dim() == 1 || (array.dim() == 2 && array.size(1) == 1);
  return one_each && !at::isFloatingType(array.scalar_type());
}

class Assembly {
 public:
  explicit Assembly(const Source& source) : source_(source) {}

  Samples part(const PartNames& names) {
    const at::Tensor array = source_.read(names.inputs);
    require_samples(array, names.inputs);
    const bool images = array.scalar_type() == at::kByte && array.dim() >= 3;
    const std::vector<std::int64_t> shape(array.sizes().begin() + 1, array.sizes().end());
    base::require(dataset_.shape.empty() || dataset_.shape == shape,
                  ErrorKind::data,
                  "{}: {} holds samples of ({}), but the training samples are ({})",
                  source_.file,
                  names.inputs,
                  fmt::join(shape, ", "),
                  fmt::join(dataset_.shape, ", "));
    dataset_.shape = shape;
    if (images) dataset_.default_normalisation = Normalisation::sphere;
    Samples samples{.inputs = to_inputs(array, images)};
    add_targets(samples, names);
    return samples;
  }

  Dataset& dataset() { return dataset_; }

 private:
  void require_samples(const at::Tensor& array, const std::string& name) const {
    base::require(array.dim() >= 2 && array.numel() > 0,
                  ErrorKind::data,
                  "{}: the inputs {} have shape {}, expected (samples, ...) with at least one "
                  "sample and one coordinate",
                  source_.file,
                  name,
                  shape_text(array));
  }

  void add_targets(Samples& samples, const PartNames& names) const {
    const at::Tensor array = source_.read(names.targets);
    base::require((array.dim() == 1 || array.dim() == 2) && array.numel() > 0,
                  ErrorKind::data,
                  "{}: {} has shape {}, expected (n) or (n, d)",
                  source_.file,
                  names.targets,
                  shape_text(array));
    base::require(array.size(0) == samples.size(),
                  ErrorKind::data,
                  "{}: {} holds {} samples, but {} holds {}",
                  source_.file,
                  names.inputs,
                  samples.size(),
                  names.targets,
                  array.size(0));
    if (is_labels(array)) {
      samples.labels = array.reshape({-1}).to(at::kLong).clone();
    } else {
      samples.targets =
          array.reshape({samples.size(), -1}).to(samples.inputs.scalar_type()).contiguous();
    }
  }

  const Source& source_;
  Dataset dataset_;
};

/// Both parts must be of one kind, and share their classes.
void number_labels(Dataset& dataset, const std::string& file) {
  const bool has_labels = dataset.train.labels.defined();
  base::require(!dataset.test || dataset.test->labels.defined() == has_labels,
                ErrorKind::data,
                "{}: one part has integer labels, the other has targets",
                file);
  if (!has_labels) return;
  std::vector<at::Tensor*> parts{&dataset.train.labels};
  if (dataset.test) parts.push_back(&dataset.test->labels);
  const Classes classes = number_classes(parts);
  dataset.num_classes = classes.count;
  dataset.class_names = classes.names;
}

Dataset assemble(const Source& source, const PartNames& train, const PartNames& test) {
  Assembly assembly(source);
  Dataset& dataset = assembly.dataset();
  dataset.name = source.file;
  dataset.train = assembly.part(train);
  if (!test.inputs.empty()) dataset.test = assembly.part(test);
  number_labels(dataset, source.file);
  dataset.source = fmt::format("numpy, inputs {} and {} {}",
                               train.inputs,
                               dataset.train.labels.defined() ? "labels" : "targets",
                               train.targets);
  check_finite(dataset);
  return std::move(dataset);
}

void require_targets(const Source& source, const PartNames& names) {
  base::require(!names.targets.empty(),
                ErrorKind::data,
                "{}: {} has no labels or targets beside it, looked for one of {} named like it",
                source.file,
                names.inputs,
                base::join(kTargetNames, ", "));
}

/// Reads the arrays called X and y, or x_train, y_train, x_test, y_test, and their like.
Dataset read_named(const Source& source) {
  PartNames train = find_part(source, "train");
  if (train.inputs.empty()) train = find_part(source, "");
  base::require(!train.inputs.empty(),
                ErrorKind::data,
                "{}: no inputs, looked for arrays called {}, also with _train",
                source.file,
                base::join(kInputNames, ", "));
  require_targets(source, train);
  const PartNames test = find_part(source, "test");
  if (!test.inputs.empty()) require_targets(source, test);
  return assemble(source, train, test);
}

Source files_in(const fs::path& folder) {
  const auto path_of = [folder](const std::string& name) { return folder / (name + ".npy"); };
  return {.file = folder.string(),
          .has = [path_of](const std::string& name) { return fs::exists(path_of(name)); },
          .read = [path_of](const std::string& name) { return base::read_npy(path_of(name)); }};
}

Dataset read_archive(const fs::path& path) {
  const auto arrays = base::read_npz(path);
  return read_named({.file = path.string(),
                     .has = [&](const std::string& name) { return arrays.contains(name); },
                     .read = [&](const std::string& name) { return arrays.at(name); }});
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The targets that go with one inputs file: X_small and y_small, images and labels, or a plain
/// target name in the same folder.
std::string partner_of(const Source& source, const std::string& inputs) {
  for (const auto& word : kInputNames) {
    const auto place = inputs.find(word);
    if (place == std::string::npos) continue;
    const auto end = place + word.size();
    if (place > 0 && is_letter(inputs[place - 1])) continue;
    if (end < inputs.size() && is_letter(inputs[end])) continue;
    for (const auto& target : kTargetNames) {
      auto name = inputs;
      name.replace(place, word.size(), target);
      if (source.has(name)) return name;
    }
  }
  return find(source, kTargetNames, "");
}

Dataset read_single(const fs::path& path) {
  Source source = files_in(path.parent_path());
  source.file = path.string();
  const std::string inputs = path.stem().string();
  // The file itself may have any extension.
  source.read = [path, inputs, beside = source.read](const std::string& name) {
    return name == inputs ? base::read_npy(path) : beside(name);
  };
  const PartNames train{.inputs = inputs, .targets = partner_of(source, inputs)};
  require_targets(source, train);
  base::require(train.targets != train.inputs,
                ErrorKind::data,
                "{}: holds targets by its name; name the inputs file or the folder",
                source.file);
  return assemble(source, train, {});
}

Dataset read_arrays(const fs::path& path, const ReaderOptions&) {
  if (fs::is_directory(path)) return read_named(files_in(path));
  if (first_bytes(path, 2) == "PK") return read_archive(path);
  return path.extension() == ".npz" ? read_archive(path) : read_single(path);
}

bool recognises_arrays(const fs::path& path) {
  if (fs::is_directory(path)) {
    const Source source = files_in(path);
    return !find_part(source, "train").inputs.empty() || !find_part(source, "").inputs.empty();
  }
  if (path.extension() == ".npy" || path.extension() == ".npz") return true;
  const std::string magic = first_bytes(path, 6);
  return magic == "\x93NUMPY" || magic.starts_with("PK\x03\x04");
}

}  // namespace

Reader npy() {
  return {
      .name = "npy",
      .description =
          "numpy arrays: a .npz, a folder of .npy files, or the .npy file of the inputs with the "
          "targets beside it. Inputs are called X, x, inputs, images, data or features, targets y, "
          "Y, labels, targets or target; with _train and _test (or train_, test_) for two parts. "
          "Integer targets are labels; bytes of three dimensions or more are images",
      .recognises = recognises_arrays,
      .read = read_arrays,
  };
}

}  // namespace overparam::data
