// SPDX-License-Identifier: Apache-2.0
// What a network is trained on, and where it came from.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace overparam::data {

/// How raw inputs become the network's inputs. Separation, kernel and eigenvalues all refer to the
/// normalised inputs, so the choice is printed and stored with every number.
enum class Normalisation {
  /// The paper's footnote 3: one common factor so that every |x| <= 1/sqrt 2, a coordinate that
  /// pads each row to exactly 1/sqrt 2, then 1/sqrt 2 appended. Keeps relative distances.
  footnote3,
  /// Each row scaled to 1/sqrt 2, then 1/sqrt 2 appended. Merges proportional rows; a zero row is
  /// an error.
  sphere,
  /// Each row scaled to 1, nothing appended.
  unit,
  /// The inputs as they are.
  none,
};

/// Samples that belong together.
struct Samples {
  at::Tensor inputs;   ///< (n, dx), float32 or float64
  at::Tensor targets;  ///< (n, d) of the same type; undefined where there are only labels
  at::Tensor labels;   ///< (n) int64 in {0, ..., num_classes - 1}; undefined where there are none

  [[nodiscard]] std::int64_t size() const { return inputs.size(0); }
};

struct Dataset {
  std::string name;    ///< "digits", or the path it was read from
  std::string source;  ///< one line for people: format or generator, and its parameters
  std::vector<std::int64_t> shape;       ///< of one raw input: {28, 28}, {3, 32, 32}, {dx}
  std::int64_t num_classes = 0;          ///< 0 where there are no labels
  std::vector<std::string> class_names;  ///< empty, or one a class
  Normalisation default_normalisation = Normalisation::footnote3;
  Samples train;
  std::optional<Samples> test;

  /// The class as it stands in the file, or its number.
  [[nodiscard]] std::string class_name(std::int64_t label) const;
};

/// The name used in settings and output: "footnote3", "sphere", "unit", "none".
std::string to_string(Normalisation normalisation);

/// @throws Error(usage) listing the names
Normalisation parse_normalisation(const std::string& name);

}  // namespace overparam::data
