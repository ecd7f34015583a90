// SPDX-License-Identifier: Apache-2.0
// The folder of one landscape:
//
//     landscape.json             what is known of its axes; with it the search is not repeated
//     axes.safetensors           the axes (P), and the weights in the middle
//     cells.npy                  (2, y, x): objective and accuracy; while unfinished cells.npy.part
//     surface.h5                 in the layout that loss-landscape's scripts read, where HDF5 is
//     there x.npy, y.npy, cells.csv
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "overparam/study/landscape.hpp"

namespace overparam::study {

/// Removes what an earlier call left of one point, finished or not.
void forget_landscape(const std::filesystem::path& folder, const std::string& name);

class LandscapeFiles {
 public:
  /// @param identity of all that decides the numbers: an unfinished folder of another one is
  /// refused
  LandscapeFiles(const std::filesystem::path& folder,
                 const std::string& name,
                 std::string identity,
                 at::Tensor weights);

  struct Kept {
    Landscape landscape;
    std::vector<at::Tensor> axes;
  };
  /// What an earlier call left. @throws Error(usage) where it is of other settings
  [[nodiscard]] std::optional<Kept> read_facts() const;
  void write_facts(const Landscape& landscape, const std::vector<at::Tensor>& axes) const;

  /// (2, rows, columns), where all are there. @throws Error(data) for cells of another shape
  [[nodiscard]] std::optional<at::Tensor> read_cells(std::int64_t rows, std::int64_t columns) const;

  /// For base::MappedArray.
  [[nodiscard]] std::filesystem::path cells() const;
  [[nodiscard]] const std::string& identity() const { return identity_; }

  void write_results(const Landscape& landscape, const std::vector<at::Tensor>& axes) const;

 private:
  std::filesystem::path folder_;
  std::string identity_;
  at::Tensor weights_;
};

nlohmann::json to_json(const Landscape& landscape);
Landscape landscape_from_json(const nlohmann::json& document);

}  // namespace overparam::study
