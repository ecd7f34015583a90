// SPDX-License-Identifier: Apache-2.0
#include "contour.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace overparam::report {

namespace {

constexpr std::size_t kNoEdge = static_cast<std::size_t>(-1);

/// The crossings of one level, joined from cell to cell. An edge of the grid is numbered by its
/// lower or left node and its direction; at most two cells share it.
class Tracer {
 public:
  Tracer(const std::vector<double>& x,
         const std::vector<double>& y,
         const std::vector<double>& z,
         double level)
      : x_(x), y_(y), z_(z), level_(level), joined_(2 * z.size(), {kNoEdge, kNoEdge}) {
    for (std::size_t row = 0; row + 1 < y.size(); ++row) {
      for (std::size_t column = 0; column + 1 < x.size(); ++column) join_cell(row, column);
    }
  }

  std::vector<ContourLine> lines() {
    std::vector<ContourLine> all;
    for (std::size_t edge = 0; edge < joined_.size(); ++edge) {
      if (joined_[edge][0] != kNoEdge && joined_[edge][1] == kNoEdge) all.push_back(walk(edge));
    }
    for (std::size_t edge = 0; edge < joined_.size(); ++edge) {
      if (joined_[edge][0] == kNoEdge) continue;
      all.push_back(walk(edge));
      all.back().closed = true;
    }
    return all;
  }

 private:
  [[nodiscard]] double height(std::size_t node) const { return z_[node]; }

  [[nodiscard]] static std::size_t across(std::size_t node) { return 2 * node; }
  [[nodiscard]] static std::size_t upwards(std::size_t node) { return 2 * node + 1; }

  void join(std::size_t a, std::size_t b) {
    joined_[a][joined_[a][0] == kNoEdge ? 0 : 1] = b;
    joined_[b][joined_[b][0] == kNoEdge ? 0 : 1] = a;
  }

  void join_cell(std::size_t row, std::size_t column) {
    const std::size_t corner = row * x_.size() + column;
    const std::array<std::size_t, 4> nodes{
        corner, corner + 1, corner + x_.size() + 1, corner + x_.size()};  // counter-clockwise
    const std::array<std::size_t, 4> edges{
        across(nodes[0]), upwards(nodes[1]), across(nodes[3]), upwards(nodes[0])};
    double sum = 0;
    for (const std::size_t node : nodes) sum += height(node);
    if (!std::isfinite(sum)) return;

    std::array<std::size_t, 4> crossed{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      if (is_high(nodes[i]) != is_high(nodes[(i + 1) % 4])) crossed[count++] = edges[i];
    }
    if (count == 2) join(crossed[0], crossed[1]);
    if (count != 4) return;
    // A saddle: the corners that are as high as the middle are connected through it, and each of
    // the other two is cut off by a line of its own.
    const bool middle_is_high = sum / 4 >= level_;
    const bool first_is_cut = is_high(nodes[0]) != middle_is_high;
    join(edges[0], first_is_cut ? edges[3] : edges[1]);
    join(edges[2], first_is_cut ? edges[1] : edges[3]);
  }

  [[nodiscard]] bool is_high(std::size_t node) const { return height(node) >= level_; }

  void add_crossing(std::size_t edge, ContourLine& line) const {
    const std::size_t from = edge / 2;
    const bool is_across = edge % 2 == 0;
    const std::size_t to = is_across ? from + 1 : from + x_.size();
    const double share = (level_ - height(from)) / (height(to) - height(from));
    const double x = x_[from % x_.size()];
    const double y = y_[from / x_.size()];
    line.x.push_back(is_across ? x + share * (x_[to % x_.size()] - x) : x);
    line.y.push_back(is_across ? y : y + share * (y_[to / x_.size()] - y));
  }

  /// Follows the line that starts at an edge and forgets it on the way.
  ContourLine walk(std::size_t edge) {
    ContourLine line;
    add_crossing(edge, line);
    while (true) {
      auto& links = joined_[edge];
      const std::size_t next = links[0];
      links = {links[1], kNoEdge};
      if (next == kNoEdge) return line;
      auto& back = joined_[next];
      back = {back[0] == edge ? back[1] : back[0], kNoEdge};
      edge = next;
      add_crossing(edge, line);
    }
  }

  const std::vector<double>& x_;
  const std::vector<double>& y_;
  const std::vector<double>& z_;
  double level_;
  std::vector<std::array<std::size_t, 2>> joined_;  // to each edge, those that its line goes on to
};

}  // namespace

std::vector<ContourLine> contour_lines(const std::vector<double>& x,
                                       const std::vector<double>& y,
                                       const std::vector<double>& z,
                                       double level) {
  return Tracer(x, y, z, level).lines();
}

}  // namespace overparam::report
