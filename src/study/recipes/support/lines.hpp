// SPDX-License-Identifier: Apache-2.0
// Objectives along lines in the space of weights, and trainings beside them, from the rows of
// measurements to pictures and tables.
//
// Rows: design "line" with a family and the columns a, f, accuracy, and where there are several
// seed, test_f; design "trajectory" with the columns epoch, f, alpha, beta, length, and seed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"
#include "overparam/curvature/path.hpp"
#include "overparam/report/page.hpp"

namespace overparam::study {

/// Lines of one family, one a seed, with their shapes.
struct Lines {
  std::string network, name;
  std::vector<curvature::LineCurve> curves;
  std::vector<curvature::LineShape> shapes;
  std::vector<std::vector<double>> held_out;  ///< f on test images, where it was measured

  /// One number of the shape for each line.
  [[nodiscard]] std::vector<double> each(double curvature::LineShape::*value) const;
};

Lines lines_of(const std::string& network,
               const std::string& family,
               const std::vector<claims::Row>& rows);

/// f against a, the mean over the seeds with its interval from three on.
report::Series objective_series(const std::string& name, const Lines& lines);

/// The same on test images, dashed and without interval.
report::Series held_out_series(const std::string& name, const Lines& lines);

/// Shapes, means over the seeds.
report::Table shapes_table(const std::vector<const Lines*>& all);

/// Every point of every line.
report::Table points_table(const std::vector<const Lines*>& all);

/// A training beside the line from its first point to its last, in units of that line's length.
struct Trajectory {
  std::vector<double> epoch, f, alpha, beta;
};

/// Rows of one training. @param points W (P)   @param f at them
std::vector<claims::Row> trajectory_rows(const std::vector<at::Tensor>& points,
                                         const std::vector<double>& epochs,
                                         const std::vector<double>& f);

/// By seed.
using Trajectories = std::map<double, Trajectory>;
Trajectories trajectories_of(const std::vector<claims::Row>& rows);

/// The largest beta.
double largest_residual(const Trajectories& trajectories);

/// f against epochs. @param id of the network, for names of files
report::Figure training_figure(const std::string& id,
                               const std::string& network,
                               const Trajectories& trajectories);

/// beta against alpha.
report::Figure residual_figure(const std::string& id,
                               const std::string& network,
                               const Trajectories& trajectories);

}  // namespace overparam::study
