// SPDX-License-Identifier: Apache-2.0
// Handwritten-looking digits drawn from pen strokes, so that everything that needs images can run
// without a file. Each sample takes one of several ways to write its digit and changes it as hands
// do: wobbling points, slant, turn, proportions, a smooth distortion, pen width and pressure.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "digit_shapes.hpp"
#include "generating.hpp"
#include "overparam/base/require.hpp"
#include "pen.hpp"

namespace overparam::data {

namespace {

constexpr int kSize = 28;
constexpr std::int64_t kNumDigits = 10;
constexpr std::int64_t kImagesPerTask = 16;
/// Digits fill about this many pixels in height and stay this far from the border.
constexpr double kHeight = 19;
constexpr double kBorder = 3.2;

using Path = std::vector<PlanePoint>;

/// A smooth curve from the points of a stroke by cutting corners (Chaikin): ends stay, and so do
/// corners, which are entered twice.
Path smooth(Path path) {
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    Path finer{path.front()};
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
      const PlanePoint a = path[i];
      const PlanePoint b = path[i + 1];
      finer.push_back({0.75 * a.x + 0.25 * b.x, 0.75 * a.y + 0.25 * b.y});
      finer.push_back({0.25 * a.x + 0.75 * b.x, 0.25 * a.y + 0.75 * b.y});
    }
    finer.push_back(path.back());
    path = std::move(finer);
  }
  return path;
}

/// A smooth random displacement of the plane: a few long waves.
class Distortion {
 public:
  Distortion(base::Random& random, double amplitude) {
    for (auto& wave : waves_) {
      wave.amplitude = {amplitude * random.uniform(-1, 1), amplitude * random.uniform(-1, 1)};
      const double length = random.uniform(0.9, 2.0);
      const double direction = random.uniform(0, 2 * std::numbers::pi);
      wave.frequency = {2 * std::numbers::pi / length * std::cos(direction),
                        2 * std::numbers::pi / length * std::sin(direction)};
      wave.phase = random.uniform(0, 2 * std::numbers::pi);
    }
  }

  [[nodiscard]] PlanePoint operator()(PlanePoint p) const {
    PlanePoint moved = p;
    for (const auto& wave : waves_) {
      const double value = std::sin(wave.frequency.x * p.x + wave.frequency.y * p.y + wave.phase);
      moved.x += wave.amplitude.x * value;
      moved.y += wave.amplitude.y * value;
    }
    return moved;
  }

 private:
  struct Wave {
    PlanePoint amplitude;
    PlanePoint frequency;
    double phase;
  };
  Wave waves_[3];
};

/// Slant, turn and proportions around the middle of the unit box.
class Hand {
 public:
  explicit Hand(base::Random& random)
      : slant_(0.12 + 0.16 * random.normal()), width_(random.uniform(0.6, 0.95)) {
    const double angle = 0.1 * random.normal();
    cosine_ = std::cos(angle);
    sine_ = std::sin(angle);
  }

  [[nodiscard]] PlanePoint operator()(PlanePoint p) const {
    const double y = p.y - 0.5;
    const double x = width_ * (p.x - 0.5) - slant_ * y;
    return {cosine_ * x - sine_ * y, sine_ * x + cosine_ * y};
  }

 private:
  double slant_;
  double width_;
  double cosine_;
  double sine_;
};

std::vector<Path> write(int digit, base::Random& random) {
  constexpr double kWobble = 0.03;
  const auto& shapes = digit_shapes(digit);
  const auto& glyph = shapes[static_cast<std::size_t>(random.below(std::ssize(shapes)))];
  const Distortion distort(random, 0.045);
  const Hand hand(random);
  std::vector<Path> paths;
  for (const auto& stroke : glyph) {
    Path path;
    for (const auto& point : stroke) {
      const PlanePoint moved =
          hand(distort({point.x + kWobble * random.normal(), point.y + kWobble * random.normal()}));
      path.push_back(moved);
      if (point.corner) path.push_back(moved);
    }
    paths.push_back(smooth(std::move(path)));
  }
  return paths;
}

/// Scales and moves the strokes to their place on the image.
void fit(std::vector<Path>& paths, base::Random& random) {
  PlanePoint low{1e9, 1e9};
  PlanePoint high{-1e9, -1e9};
  for (const auto& path : paths) {
    for (const auto& p : path) {
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  const double room = kSize - 2 * kBorder;
  const double scale = std::min(kHeight * random.uniform(0.88, 1.06) / (high.y - low.y),
                                room / std::max(high.x - low.x, high.y - low.y));
  // The middle of the box, moved by up to two pixels as far as the border allows.
  const auto origin = [&](double from, double to) {
    const double slack = std::min(2.0, 0.5 * (room - scale * (to - from)));
    return 0.5 * kSize - scale * 0.5 * (from + to) + random.uniform(-slack, slack);
  };
  const double x = origin(low.x, high.x);
  const double y = origin(low.y, high.y);
  for (auto& path : paths) {
    for (auto& p : path) p = {x + scale * p.x, y + scale * p.y};
  }
}

/// Pen widths along a stroke: a slow change of pressure, and lighter ends.
std::vector<double> pressure(std::size_t count, double radius, base::Random& random) {
  const double phase = random.uniform(0, 2 * std::numbers::pi);
  const double waves = random.uniform(0.5, 1.5);
  std::vector<double> radii(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(count - 1);
    const double swell = 0.14 * std::sin(2 * std::numbers::pi * waves * t + phase);
    const double end = 0.2 * std::exp(-12 * std::min(t, 1 - t));
    radii[i] = radius * (1 + swell - end);
  }
  return radii;
}

/// Uneven ink; the paper stays blank.
void add_noise(std::span<float> pixels, base::Random& random) {
  constexpr double kNoise = 0.05;
  for (float& pixel : pixels) {
    if (pixel == 0) continue;
    pixel = static_cast<float>(std::clamp(pixel * (1 + kNoise * random.normal()), 0.0, 1.0));
  }
}

void draw_digit(int digit, base::Random& random, float* pixels) {
  auto paths = write(digit, random);
  fit(paths, random);
  const double radius = random.uniform(0.75, 1.55);
  Canvas canvas(pixels, kSize);
  for (const auto& path : paths) canvas.draw(path, pressure(path.size(), radius, random));
  add_noise({pixels, kSize * kSize}, random);
}

Samples draw(std::int64_t count,
             std::int64_t num_classes,
             std::uint64_t seed,
             const std::string& part) {
  Samples samples{
      .inputs = at::zeros({count, kSize * kSize}, at::kFloat),
      .labels = balanced_labels(count, num_classes, base::Stream(seed, "digits.label." + part))};
  auto* pixels = samples.inputs.data_ptr<float>();
  const auto* labels = samples.labels.data_ptr<std::int64_t>();
  at::parallel_for(0, count, kImagesPerTask, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      base::Random random(
          base::Stream(seed, "digits.image." + part, static_cast<std::uint64_t>(i)));
      draw_digit(static_cast<int>(labels[i]), random, pixels + i * kSize * kSize);
    }
  });
  return samples;
}

Dataset make_digits(const GeneratorOptions& options) {
  check_options(options, "digits", {.num_classes = true, .columns = kSize * kSize});
  const std::int64_t num_classes = value_or(options.num_classes, kNumDigits);
  base::require(num_classes <= kNumDigits,
                ErrorKind::usage,
                "digits: num_classes must be at most 10, found {}",
                num_classes);
  Dataset dataset{
      .name = "digits",
      .source = fmt::format("drawn digits, {} classes, {} x {} pixels, seed {}",
                            num_classes,
                            kSize,
                            kSize,
                            options.seed),
      .shape = {kSize, kSize},
      .num_classes = num_classes,
      .default_normalisation = Normalisation::sphere,
      .train = draw(options.num_samples, num_classes, options.seed, "train"),
  };
  for (std::int64_t digit = 0; digit < num_classes; ++digit) {
    dataset.class_names.push_back(std::to_string(digit));
  }
  if (options.num_test_samples > 0) {
    dataset.test = draw(options.num_test_samples, num_classes, options.seed, "test");
  }
  return dataset;
}

}  // namespace

Generator digits() {
  return {
      .name = "digits",
      .description =
          "handwritten-looking digits of 28 x 28 pixels, drawn from pen strokes; heeds "
          "num_classes (10: the first so many digits)",
      .generate = make_digits,
  };
}

}  // namespace overparam::data
