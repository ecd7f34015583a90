// SPDX-License-Identifier: Apache-2.0
// The objective around the weights that a run passed: its gradient, its most negative curvature,
// and surfaces over planes through both. Figure 1 of the paper is six of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "overparam/curvature/criteria.hpp"
#include "overparam/linalg/fit.hpp"
#include "overparam/report/page.hpp"
#include "overparam/study/settings.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

/// What is known of a direction's curvature.
struct CurvatureFacts {
  std::string method;
  double curvature = 0;         ///< v^T H v
  linalg::Estimate of_batches;  ///< over the batches it was found on
  linalg::Estimate held_out;    ///< over batches of other samples; NaN without them
  double residual = 0;          ///< |H v - c v| / |c|, computed anew
  double claimed_residual = std::numeric_limits<double>::quiet_NaN();  ///< by the recurrence
  double products = 0;
  bool converged = false;
};

struct LandscapeAxis {
  std::string name;  ///< "gradient", "most negative curvature", ...
  bool is_gradient = false;
  bool is_negative = false;  ///< the most negative curvature that was found
  double length = 1;         ///< of the axis: coordinates are multiples of it
  std::optional<CurvatureFacts> curvature;
};

/// The objective under one mode of batch normalisation.
struct ModeFacts {
  std::string mode;
  double objective = 0;
  double gradient_norm = 0;
};

/// The same direction by another method.
struct SecondOpinion {
  CurvatureFacts facts;
  double cosine = 0;      ///< with the first
  double difference = 0;  ///< |c - c'| / |c|
};

/// A point of the trajectory on the plane.
struct PathPoint {
  std::string name;
  double x = 0, y = 0;
  double residual = 0;  ///< how far beside the plane
};

struct Landscape {
  std::string name;  ///< "epoch 40", or the run's end
  std::int64_t epoch = -1;
  double step_size = std::numeric_limits<double>::quiet_NaN();  ///< of training there
  double weights_norm = 0;
  curvature::Value here;
  double gradient_norm = 0;
  std::vector<ModeFacts> modes;
  std::vector<LandscapeAxis> axes;                            ///< one or two
  double cosine = std::numeric_limits<double>::quiet_NaN();   ///< between the axes
  double largest = std::numeric_limits<double>::quiet_NaN();  ///< eigenvalue of H met
  std::optional<SecondOpinion> second;
  std::optional<curvature::LineMinimum> descent;  ///< along -gradient
  std::optional<curvature::DescentCriteria> criteria;
  std::optional<linalg::Estimate> trace;
  std::vector<double> density_points, density, density_errors;
  std::optional<linalg::Estimate> negative_share;  ///< of eigenvalues below zero
  std::vector<double> x, y;
  at::Tensor objective, accuracy;  ///< (y, x) float64
  std::vector<PathPoint> path;
  double seconds = 0;
};

struct LandscapeRecord {
  std::string subject;    ///< the run's folder or the module's file
  std::string objective;  ///< in words: network, samples, batch normalisation
  std::string product;    ///< in words
  std::string settings_toml;
  std::int64_t samples = 0, held_out = 0, parameters = 0;
  std::vector<Landscape> landscapes;
  nlohmann::json environment;  ///< machine and versions
  double seconds = 0;
  std::uint64_t peak_memory = 0;
  bool interrupted = false;
};

/// Where a landscape is kept.
struct LandscapeOutput {
  std::filesystem::path folder;
  bool fresh = false;  ///< do not go on from what an earlier call left: begin again
};

/// Draws what the settings of the section `landscape` ask for around the weights of a run folder,
/// or of a TorchScript module with `landscape.arrays`. Everything finished is kept in the folder,
/// and the same call goes on from there, cell by cell.
/// @throws Error(usage), Error(data) naming what does not fit; Error(capacity) with the plan
LandscapeRecord run_landscape(const Settings& settings,
                              const std::filesystem::path& subject,
                              const LandscapeOutput& output,
                              const Voice& voice);

/// Criterion (v) over the landscapes of one run: the exponent of |grad f|^2 ~ f^p between the first
/// and the last, and the least |grad f|^2 / f.
struct GradientDecay {
  double exponent = std::numeric_limits<double>::quiet_NaN();
  double least_ratio = std::numeric_limits<double>::quiet_NaN();
};

/// |grad f|^2 ~ f^2 is what cross-entropy has near its minimum; some room for noise above it.
inline constexpr double kMostGradientDecay = 2.3;

GradientDecay gradient_decay(const std::vector<Landscape>& landscapes);

/// The surfaces as one figure.
report::SurfaceFigure landscape_figure(const LandscapeRecord& record);

nlohmann::json to_json(const LandscapeRecord& record);
report::Table landscape_table(const LandscapeRecord& record);
report::Page landscape_page(const LandscapeRecord& record);

}  // namespace overparam::study
