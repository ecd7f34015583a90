// SPDX-License-Identifier: Apache-2.0
#include "report/sample.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace overparam::report::tests {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Numbers between -1 and 1 that look random and are the same everywhere.
double wobble(int i) {
  const double x = std::sin(12.9898 * i + 78.233) * 43758.5453;
  return 2 * (x - std::floor(x)) - 1;
}

/// A seven-segment digit.
float segment_pixel(int digit, int row, int column) {
  static constexpr int kSegments[10] = {0b1110111,
                                        0b0100100,
                                        0b1011101,
                                        0b1101101,
                                        0b0101110,
                                        0b1101011,
                                        0b1111011,
                                        0b0100101,
                                        0b1111111,
                                        0b1101111};
  const auto lit = [&](int segment) { return (kSegments[digit] >> segment & 1) != 0; };
  const bool left = column >= 8 && column < 11;
  const bool right = column >= 17 && column < 20;
  const bool inside = column >= 9 && column < 19;
  const bool upper = row >= 5 && row < 14;
  const bool lower = row >= 14 && row < 23;
  const bool on = (inside && row >= 4 && row < 7 && lit(0)) || (left && upper && lit(1)) ||
                  (right && upper && lit(2)) || (inside && row >= 12 && row < 15 && lit(3)) ||
                  (left && lower && lit(4)) || (right && lower && lit(5)) ||
                  (inside && row >= 21 && row < 24 && lit(6));
  return on ? 0.95F : 0.03F;
}

Series power_law(const std::string& name, double factor, double exponent, int salt) {
  Series series{.name = name, .mark = Mark::points};
  for (int k = 0; k < 7; ++k) {
    const double width = 128 << k;
    const double value = factor * std::pow(width, exponent) * (1 + 0.12 * wobble(k + salt));
    series.x.push_back(width);
    series.y.push_back(value);
    series.low.push_back(value * 0.82);
    series.high.push_back(value * 1.2);
  }
  return series;
}

Series straight(const std::string& name, double factor, double exponent) {
  Series series{.name = name};
  for (const double width : {100.0, 10000.0}) {
    series.x.push_back(width);
    series.y.push_back(factor * std::pow(width, exponent));
  }
  return series;
}

}  // namespace

Figure log_log_figure() {
  Figure figure{.id = "features-move",
                .title = "How far features move, against width",
                .caption =
                    "Median over five seeds with 95 % intervals. The theorem bounds the slope "
                    "by **−1/2** (dashed); a slope that is less steep would refute it.",
                .x = {.label = "width m", .logarithmic = true},
                .y = {.label = "max ‖h − h⁽⁰⁾‖ / ‖h⁽⁰⁾‖", .logarithmic = true}};
  figure.series.push_back(power_law("along the trajectory", 2.1, -0.51, 0));
  figure.series.push_back(straight("fit: slope −0.51 ± 0.03", 2.1, -0.51));
  figure.series.back().dashed = true;
  figure.series.push_back(power_law("random perturbation", 0.31, -0.98, 40));
  figure.series.push_back(straight("slope −1/2", 4.5, -0.5));
  figure.series.back().reference = true;
  return figure;
}

Figure semi_log_figure() {
  Figure figure{
      .id = "objective",
      .title = "Training objective, measured and predicted",
      .caption =
          "Gradient descent follows the linear model at initialisation: a straight line here "
          "is a linear rate. Bands are the range over five seeds.",
      .x = {.label = "step"},
      .y = {.label = "objective F", .logarithmic = true}};
  for (const int width : {256, 4096}) {
    const double rate = width == 256 ? 2.4e-4 : 9.5e-4;
    Series measured{.name = "width " + std::to_string(width)};
    Series predicted{.name = "width " + std::to_string(width) + ", linear model", .dashed = true};
    for (int step = 0; step <= 20000; ++step) {
      const double decay = 160 * std::exp(-rate * step) + 40 * std::exp(-0.02 * step);
      const double value = decay * std::exp(0.08 * wobble(step)) + 1e-6;
      measured.x.push_back(step);
      measured.y.push_back(value);
      measured.low.push_back(value * std::exp(-0.5));
      measured.high.push_back(value * std::exp(0.45));
      if (step % 500 == 0) {
        predicted.x.push_back(step);
        predicted.y.push_back(0.8 * decay);
      }
    }
    figure.series.push_back(std::move(measured));
    figure.series.push_back(std::move(predicted));
  }
  figure.series.push_back(
      {.name = "target", .x = {0, 20000}, .y = {1e-5, 1e-5}, .reference = true});
  return figure;
}

Figure linear_figure() {
  Figure figure{.id = "interpolation",
                .title = "Objective along straight paths between minima",
                .caption = "Seven pairs of minima; one path could not be measured in its middle.",
                .x = {.label = "position on the path"},
                .y = {.label = "log-ratio to the end points"}};
  for (int k = 0; k < 7; ++k) {
    Series series{.name = "pair " + std::to_string(k + 1),
                  .mark = k % 2 == 0 ? Mark::line_and_points : Mark::line};
    for (int i = 0; i <= 20; ++i) {
      const double t = i / 20.0;
      const bool missing = k == 2 && i > 8 && i < 12;
      series.x.push_back(t);
      series.y.push_back(missing ? kNaN : (0.5 + 0.3 * k) * std::sin(M_PI * t * (1 + k % 3)) - 0.4);
    }
    figure.series.push_back(std::move(series));
  }
  return figure;
}

Figure small_log_figure() {
  return {.id = "step-size",
          .title = "Steps until the target",
          .caption = "",
          .x = {.label = "step size, in units of the critical one"},
          .y = {.label = "steps", .logarithmic = true},
          .series = {{.name = "steps",
                      .x = {0.2, 0.4, 0.6, 0.8, 1.0},
                      .y = {9100, 4500, 3050, 2300, 1820},
                      .mark = Mark::line_and_points}}};
}

SurfaceFigure surface_figure() {
  SurfaceFigure figure{
      .id = "landscape",
      .title = "The objective around six weights of one run",
      .caption =
          "Along the gradient the objective falls; along the direction of most negative "
          "curvature it bends down as long as there is one. The sticks stand at `W_t`.",
      .x = {.label = "negative gradient"},
      .y = {.label = "most negatively curved direction"},
      .z = {.label = "objective F", .logarithmic = true}};
  const std::pair<int, double> epochs[] = {
      {5, 0.4}, {40, 0.3}, {90, 0.12}, {120, 0.1}, {130, 0.05}, {160, 0.02}};
  for (const auto& [epoch, reach] : epochs) {
    const double depth = std::exp(-epoch / 35.0);
    const double bend = epoch < 60 ? 0.9 : 0.25;
    const auto height = [&, reach = reach](double x, double y) {
      const double u = x / reach;
      const double v = y / reach;
      const double ripple = 0.12 * std::cos(5 * u + 2 * v) * bend;
      return 2 * depth * std::exp(0.9 * u * u - bend * v * v - 0.8 * u - 0.3 * u * v + ripple);
    };
    Surface surface{.name = "epoch " + std::to_string(epoch)};
    for (int i = 0; i <= 24; ++i) {
      surface.x.push_back(reach * (i - 12) / 12.0);
      surface.y.push_back(reach * (i - 12) / 12.0);
    }
    for (std::size_t row = 0; row < 25; ++row) {
      for (std::size_t column = 0; column < 25; ++column) {
        const bool missing = epoch == 40 && row > 17 && column > 17 && row + column > 40;
        surface.z.push_back(missing ? kNaN : height(surface.x[column], surface.y[row]));
      }
    }
    SurfacePath path{.name = "the last 20 steps, projected"};
    for (int step = 0; step <= 20; ++step) {
      const double left = 1 - step / 20.0;
      path.x.push_back(-0.8 * reach * left);
      path.y.push_back(0.35 * reach * left * std::cos(3 * left));
      path.z.push_back(height(path.x.back(), path.y.back()));
    }
    surface.paths.push_back(std::move(path));
    surface.marks.push_back({.x = 0, .y = 0, .z = height(0, 0), .label = "weights W_t"});
    surface.note = "F = " + std::to_string(height(0, 0)) + ", curvature " +
                   std::to_string(-2 * bend * height(0, 0) / (reach * reach)) + ", step 0.1";
    figure.surfaces.push_back(std::move(surface));
  }
  return figure;
}

SurfaceFigure lone_surface_figure() {
  SurfaceFigure figure{.id = "saddle",
                       .title = "A saddle",
                       .x = {.label = "u"},
                       .y = {.label = "v"},
                       .z = {.label = "u² − v²"}};
  Surface surface{.name = "exact"};
  for (const double x : {-2.0, -1.5, -1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 1.0, 1.5, 2.0}) {
    surface.x.push_back(x);
    surface.y.push_back(0.5 * x);
  }
  for (const double y : surface.y) {
    for (const double x : surface.x) surface.z.push_back(x * x - y * y);
  }
  figure.surfaces.push_back(std::move(surface));
  return figure;
}

ImageGrid grey_images() {
  ImageGrid grid{.id = "digits",
                 .title = "The digits with the largest residual",
                 .caption = "Label, and what the network said.",
                 .height = 28,
                 .width = 28};
  for (int i = 0; i < 20; ++i) {
    ImageGrid::Image image{.label = i % 7 == 3 ? std::to_string(i % 10) + " → 8"
                                               : std::to_string(i % 10)};
    for (int row = 0; row < 28; ++row) {
      for (int column = 0; column < 28; ++column) {
        image.pixels.push_back(segment_pixel(i % 10, row, column));
      }
    }
    grid.images.push_back(std::move(image));
  }
  return grid;
}

ImageGrid colour_images() {
  ImageGrid grid{.id = "colours",
                 .title = "Colour samples",
                 .height = 32,
                 .width = 32,
                 .channels = 3,
                 .per_row = 6};
  for (int i = 0; i < 6; ++i) {
    ImageGrid::Image image{.label = "sample " + std::to_string(i)};
    for (int channel = 0; channel < 3; ++channel) {
      for (int row = 0; row < 32; ++row) {
        for (int column = 0; column < 32; ++column) {
          const double phase = channel * 2.1 + i + 0.12 * row + 0.07 * column * (i % 2 ? 1 : -1);
          image.pixels.push_back(static_cast<float>(0.5 + 0.5 * std::sin(phase)));
        }
      }
    }
    grid.images.push_back(std::move(image));
  }
  return grid;
}

Table verdict_table() {
  Table table{
      .title = "Verdicts",
      .caption = "Exponents are fitted over seven widths and five seeds; intervals are 95 %.",
      .columns = {
          {.name = "claim"},
          {.name = "law", .meaning = "The exponent that the statement promises"},
          {.name = "fitted",
           .meaning = "Slope of a least-squares line in log-log coordinates",
           .digits = 3},
          {.name = "±", .meaning = "Half the width of the 95 % interval", .digits = 2},
          {.name = "constant", .digits = 3},
          {.name = "parameters"},
          {.name = "expected", .meaning = "Whether the verdict is the one its claim expects"},
          {.name = "verdict"}}};
  using std::string;
  table.add_row({string("thm3-lower"),
                 1.0,
                 1.02,
                 0.031,
                 1.83e-7,
                 std::int64_t{12'845'056},
                 true,
                 string("tight: λ_min(K) grows linearly in δ, 2*m*n of 3")});
  table.add_row({string("lem7.1"),
                 -0.5,
                 -0.514,
                 0.0042,
                 2.1,
                 std::int64_t{65'536},
                 true,
                 string("consistent")});
  table.add_row({string("lem8.2"),
                 1.0 / 3,
                 0.5,
                 0.11,
                 0.25,
                 std::int64_t{4096},
                 false,
                 string("loose: the bound holds, the measured exponent is lower than promised")});
  table.add_row({string("thm6"),
                 std::monostate{},
                 kNaN,
                 std::monostate{},
                 std::monostate{},
                 std::int64_t{128},
                 false,
                 string("inconclusive: <3 widths, R&D \"later\"")});
  return table;
}

Page sample_page() {
  Table settings{.columns = {{.name = "setting"}, {.name = "value"}, {.name = "from"}}};
  for (int i = 0; i < 12; ++i) {
    settings.add_row({"train.option_" + std::to_string(i),
                      std::int64_t{1} << i,
                      std::string(i % 3 == 0 ? "flag" : "default")});
  }
  return {
      .title = "Two hundred digits, fitted exactly",
      .subtitle =
          "A wide ReLU network, trained by gradient descent to a global minimum of its "
          "training objective, and the theorems that say why.",
      .blocks = {
          KeyNumbers{{{"training accuracy", "1.0", "all 200 digits right"},
                      {"objective", "3.2×10⁻²⁷", "from 2.1×10² in nine steps"},
                      {"width", "4096", "12.8 million parameters"},
                      {"time", "8.4 s", "on two cores"}}},
          Paragraph{
              "The network has far more parameters than samples. Near its **initialisation** it "
              "behaves like a linear model with kernel `K`, and gradient descent on a linear "
              "model cannot get stuck. 2 * 3 ** 4, a < b && c > d, </script><script>alert(1)"
              "</script>."},
          Command{"overparam train --data mnist --width 4096 --method gauss-newton --set "
                  "train.relative_objective=1e-20 --report report.html"},
          Heading{"Training"},
          semi_log_figure(),
          small_log_figure(),
          Heading{"What the theorems say"},
          verdict_table(),
          log_log_figure(),
          Heading{"Landscape"},
          linear_figure(),
          surface_figure(),
          lone_surface_figure(),
          Heading{"Samples"},
          grey_images(),
          colour_images(),
          Heading{"How this was made"},
          Details{"All settings",
                  {Paragraph{"Resolved from flags and defaults."},
                   settings,
                   Command{"overparam rerun runs/demo"}}},
          Details{"Versions", {Paragraph{"LibTorch, OpenBLAS."}}},
      }};
}

}  // namespace overparam::report::tests
