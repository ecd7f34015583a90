// SPDX-License-Identifier: Apache-2.0
// What the claims' measurements have in common: data, networks and rows from the settings of a
// point. Settings: n samples, d outputs, m width, L depth, dx raw input dimension, delta
// separation, seed; "gain" scales the hidden layers' initial variance (1 in every statement;
// controls break it).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "overparam/claims/claim.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/problem.hpp"

namespace overparam::claims {

/// A row that starts with the point's settings.
Row row_of(const Point& point, const std::string& family = "");

/// `quick`, `standard` or `full`, whichever the scale asks for.
template <typename Value>
Value pick(Scale scale, Value quick, Value standard, Value full) {
  return scale == Scale::quick ? quick : scale == Scale::standard ? standard : full;
}

/// Points on the unit sphere in the paper's form: raw rows uniform on the sphere of radius 1/sqrt 2
/// in R^dx with exact separation delta (0: as it comes), 1/sqrt 2 appended; targets N(0, 1).
train::Problem sphere_problem(const Point& point, at::ScalarType type);

/// n points equally spaced on the circle of radius 1/sqrt 2, 1/sqrt 2 appended.
train::Problem circle_problem(const Point& point, at::ScalarType type);

/// The paper's network for this input size, hidden layers trained.
net::Architecture fc_architecture(const Point& point, std::int64_t input_size);
net::Network fc_network(const Point& point, const train::Problem& problem);

/// Spectral ends of the tangent kernel, both exact to rounding.
struct KernelEnds {
  double smallest = 0;
  double largest = 0;
};
KernelEnds kernel_ends(const net::Network& network, const at::Tensor& inputs);

/// Weights, features and cotangents of a measurement, with some room.
std::uint64_t measurement_memory(const Point& point);

/// The rows of one design and family, where these are not empty.
std::vector<Row> rows_of(const std::vector<Row>& rows,
                         const std::string& design,
                         const std::string& family = "");

/// The values of one column over rows.
std::vector<double> column(const std::vector<Row>& rows, const std::string& name);

/// Rows grouped by the values of some columns, in ascending order.
std::vector<std::vector<Row>> group_by(const std::vector<Row>& rows,
                                       const std::vector<std::string>& names);

/// The least (or largest) value of a column over the rows of a design, or of all where `design` is
/// empty; NaN if there are none.
std::function<double(const std::vector<Row>&)> least(const std::string& design,
                                                     const std::string& name);
std::function<double(const std::vector<Row>&)> most(const std::string& design,
                                                    const std::string& name);

/// The share of the rows of a design that have a number in a column; NaN if there are no rows.
std::function<double(const std::vector<Row>&)> share_with_number(const std::string& design,
                                                                 const std::string& name);

/// The mean of a column over those rows of a design that satisfy all of `where`; NaN if there are
/// none.
std::function<double(const std::vector<Row>&)> mean_where(const std::string& design,
                                                          const std::string& name,
                                                          const Values& where);

}  // namespace overparam::claims
