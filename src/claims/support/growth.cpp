// SPDX-License-Identifier: Apache-2.0
#include "support/growth.hpp"

#include <cmath>
#include <limits>
#include <map>

#include "support/experiment.hpp"

namespace overparam::claims {

namespace {

/// x, log x and the mean of log y at each level of x.
struct Levels {
  std::vector<double> x;
  std::vector<double> log_x;
  std::vector<double> log_y;
};

Levels levels_of(const std::vector<Row>& rows, const std::string& x, const std::string& y) {
  std::map<double, std::vector<double>> groups;
  for (const auto& row : rows) {
    const double value = row.at(y);
    if (value > 0 && std::isfinite(value)) groups[row.at(x)].push_back(std::log(value));
  }
  Levels levels;
  for (const auto& [level, values] : groups) {
    levels.x.push_back(level);
    levels.log_x.push_back(std::log(level));
    levels.log_y.push_back(linalg::mean(values));
  }
  return levels;
}

double squared_residuals(const std::vector<double>& x, const std::vector<double>& y) {
  const auto fit = linalg::fit_line(x, y);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double residual = y[i] - fit.intercept - fit.slope * x[i];
    sum += residual * residual;
  }
  return sum;
}

}  // namespace

std::function<double(const std::vector<Row>&)> exponential_evidence(const std::string& design,
                                                                    const std::string& x,
                                                                    const std::string& y,
                                                                    Trend costly) {
  return [=](const std::vector<Row>& rows) {
    const auto levels = levels_of(rows_of(rows, design), x, y);
    const double count = static_cast<double>(levels.x.size());
    if (count < 4) return std::numeric_limits<double>::quiet_NaN();
    const double slope = linalg::fit_line(levels.x, levels.log_y).slope;
    if ((costly == Trend::grows ? slope : -slope) <= 0) return 0.0;
    return count * std::log(squared_residuals(levels.log_x, levels.log_y) /
                            squared_residuals(levels.x, levels.log_y));
  };
}

std::function<double(const std::vector<Row>&)> factor_per_layer(const std::string& design,
                                                                const std::string& x,
                                                                const std::string& y) {
  return [=](const std::vector<Row>& rows) {
    const auto levels = levels_of(rows_of(rows, design), x, y);
    return levels.x.size() < 2 ? std::numeric_limits<double>::quiet_NaN()
                               : std::exp(linalg::fit_line(levels.x, levels.log_y).slope);
  };
}

}  // namespace overparam::claims
