// SPDX-License-Identifier: Apache-2.0
// Where data come from: files in the formats people have, and generators that need no file. Each is
// one row of a catalogue, and one file in src/data/readers/ or src/data/generators/.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "overparam/data/dataset.hpp"

namespace overparam::data {

struct ReaderOptions {
  /// Column that holds the label or target of a CSV file, by name or by index from 0 (negative:
  /// from the end). Empty: "label", "class", "target" or "y" if a header has one, else the last.
  std::string label_column;
};

/// Reads one family of files.
struct Reader {
  std::string name;               ///< "idx"
  std::string description;        ///< for help and docs: which files, how they are recognised
  bool has_label_column = false;  ///< heeds `ReaderOptions::label_column`
  /// True if this reader wants `path` (a file or a folder), judged by names and first bytes.
  std::function<bool(const std::filesystem::path& path)> recognises;
  /// @throws Error(data) naming file and byte or line
  std::function<Dataset(const std::filesystem::path& path, const ReaderOptions& options)> read;
};

struct GeneratorOptions {
  std::int64_t num_samples = 100;
  std::int64_t num_test_samples = 0;  ///< drawn from the same law, apart from the training samples
  std::int64_t dimension = 0;         ///< of a raw input; 0: the generator's own choice
  std::int64_t num_outputs = 1;       ///< d of generated targets
  std::int64_t num_classes = 0;       ///< of generated labels; 0: the generator's own choice
  double separation = 0;              ///< exact delta of the normalised inputs; 0: whatever comes
  std::uint64_t seed = 0;
};

/// Makes data from a few numbers and a seed. The same options give the same data, and training
/// samples do not depend on num_test_samples. Options that a generator does not heed must stay at
/// their defaults, num_outputs apart. @throws Error(usage) naming the option
struct Generator {
  std::string name;         ///< "sphere"
  std::string description;  ///< for help and docs: what is drawn, and which options it heeds
  std::function<Dataset(const GeneratorOptions& options)> generate;
};

const std::vector<Reader>& readers();
const std::vector<Generator>& generators();

/// Reads whatever `path` is. @throws Error(data) if it is missing or no reader recognises it,
/// Error(usage) for a label column where the files have none
Dataset read_dataset(const std::filesystem::path& path, const ReaderOptions& options = {});

/// @throws Error(usage) with the names and "did you mean"
const Generator& find_generator(const std::string& name);

}  // namespace overparam::data
