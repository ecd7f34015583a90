// SPDX-License-Identifier: Apache-2.0
// The tangent kernel of a network on data: to a file, with its spectrum and what it predicts.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "overparam/report/page.hpp"
#include "overparam/study/prepare.hpp"
#include "overparam/study/settings.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

/// Both ends of a spectrum.
struct SpectrumSummary {
  std::vector<double> top, bottom;  ///< descending, and ascending
  std::vector<double> all;          ///< ascending, where the dense solver ran
  double residual = 0;              ///< largest |K v - lambda v| of the reported pairs
  double condition = 0;             ///< infinite where singular
  double jitter = 0;                ///< relative, that the Cholesky factor needed
  bool singular = false;
  std::string method;
};

/// Kernel regression on a test part.
struct RegressionSummary {
  double train_objective = 0;
  double test_objective = 0;
  double train_accuracy = 0;  ///< NaN without labels
  double test_accuracy = 0;
  std::int64_t test_samples = 0;
  std::string method;  ///< solver, ridge and jitter
};

struct KernelRecord {
  std::string kind;   ///< "empirical", "infinite", "conjugate"
  std::string block;  ///< of outputs
  std::string network;
  std::int64_t m = 0, L = 0, d = 0, n = 0;
  std::string data_name, normalisation, trained, dtype;
  double separation = 0;
  std::int64_t num_duplicates = 0;
  std::vector<std::int64_t> sizes;
  double kernel_scale = 1;  ///< K_infinity = kernel_scale Theta; 1 for empirical kernels
  double standard_error = 0;
  std::string method;  ///< how the kernel was made
  std::int64_t tiles = 1;
  double operations = 0;
  double mean_diagonal = 0;
  std::optional<double> read_out_mean_diagonal;  ///< of the read-out's own kernel, reported apart
  std::optional<SpectrumSummary> spectrum;       ///< nothing where it does not fit the memory
  std::string why_no_spectrum;
  std::optional<RegressionSummary> regression;
  std::string file;  ///< where the kernel lies; empty: nowhere
  double kernel_seconds = 0, seconds = 0;
  std::uint64_t peak_memory = 0;
  report::ImageGrid picture;
  bool interrupted = false;
};

/// Settings of the sections data, network, run and ntk. run.out is FILE.npy, or empty.
/// @param fresh throw away what an interrupted process left of the file
/// @throws Error(usage), Error(data), Error(capacity) before anything large is taken
KernelRecord run_kernel_study(const Settings& settings, bool fresh, const Voice& voice);

nlohmann::json to_json(const KernelRecord& record);
report::Table kernel_table(const KernelRecord& record);
report::Page kernel_page(const KernelRecord& record);

}  // namespace overparam::study
