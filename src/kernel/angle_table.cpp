// SPDX-License-Identifier: Apache-2.0
#include "angle_table.hpp"

#include <cmath>
#include <numbers>

namespace overparam::kernel {

using std::numbers::pi;

std::vector<double> AngleTable::nodes(int intervals) {
  std::vector<double> angles;
  for (int k = 0; k <= intervals; ++k)
    angles.push_back(pi / 2 * (1 - std::cos(pi * k / intervals)));
  return angles;
}

AngleTable::AngleTable(const std::vector<double>& values) {
  const int N = static_cast<int>(values.size()) - 1;
  for (int k = 0; k <= N; ++k) {
    double sum = 0;
    for (int j = 0; j <= N; ++j) {
      const double share = j == 0 || j == N ? 0.5 : 1;
      sum += share * values[static_cast<std::size_t>(j)] * std::cos(pi * j * k / N);
    }
    series_.push_back(sum * (k == 0 || k == N ? 1.0 : 2.0) / N);
  }
}

double AngleTable::sum(const std::vector<double>& series, double angle) {
  const double argument = std::acos(std::fmin(1, std::fmax(-1, 1 - 2 * angle / pi)));
  double sum = 0;
  for (std::size_t k = 0; k < series.size(); ++k) {
    sum += series[k] * std::cos(static_cast<double>(k) * argument);
  }
  return sum;
}

}  // namespace overparam::kernel
