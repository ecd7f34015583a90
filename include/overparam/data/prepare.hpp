// SPDX-License-Identifier: Apache-2.0
// From raw samples to what the network sees: choose, relabel, encode, normalise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "overparam/data/dataset.hpp"

namespace overparam::data {

/// Keeps the first `num_samples` training samples in file order (0: all), and makes the next
/// `num_test` of them the test part where that is asked for (0: leaves the test part as it is).
/// With num_samples = 0 and a test part asked for, that is the last `num_test`.
/// @throws Error(usage) if there are not that many
void take_samples(Dataset& dataset, std::int64_t num_samples, std::int64_t num_test = 0);

/// Makes the samples of another file the test part. Each file numbers its classes by what stands in
/// it, so the labels are renumbered: a class keeps the number that it has in the training part.
/// Where the training part holds one number for a target, whole numbers are targets here too, few
/// as they may be.
/// @throws Error(data) for another shape, for labels where the training part has targets or the
/// other way round, and for a class that the training part lacks
void add_test_part(Dataset& dataset, Dataset other);

/// How training labels are replaced, as in Zhang et al. 2017: `true` leaves them, `random` draws
/// them all anew, `noisy:P` redraws each with probability P. Test labels are never touched.
struct LabelNoise {
  double probability = 0;
};

/// Reads "true", "random" or "noisy:P" with 0 <= P <= 1. @throws Error(usage)
LabelNoise parse_label_noise(const std::string& text);

/// Redraws labels uniformly over the classes; where the data have only targets, permutes the
/// redrawn rows' targets among themselves. A larger probability redraws the same samples, to the
/// same labels, and more. Comes before encode_targets.
/// @throws Error(usage) for data with both labels and targets, where one would contradict the other
void apply_label_noise(Dataset& dataset, LabelNoise noise, std::uint64_t seed);

/// Fills `targets` (n, num_outputs) from the labels where the data have labels: one-hot for two
/// outputs or more, and for one output the classes spaced evenly over [-1, 1]. Targets that are
/// already there must have this many columns. num_outputs = 0: as many as there are classes or
/// target columns. Returns the number used.
/// @throws Error(usage) for fewer outputs than classes, Error(data) for labels out of range
std::int64_t encode_targets(Dataset& dataset, std::int64_t num_outputs);

/// Averages images down to `side` x `side` pixels (0: leaves them). Comes before normalise.
/// @throws Error(usage) for data that are no images, or whose sides are no multiples of it
void average_down(Dataset& dataset, std::int64_t side);

/// Checks that every input and target is finite. @throws Error(data) naming sample and coordinate
void check_finite(const Dataset& dataset);

/// Replaces train and test inputs by normalised ones of type `dtype` (float32 or float64), computed
/// in float64 row by row. `footnote3` takes one factor from both parts together, and pads no row
/// that is shorter than the longest by rounding alone (1e-14).
/// @throws Error(data) for a zero row where rows are scaled, naming it
void normalise(Dataset& dataset, Normalisation normalisation, at::ScalarType dtype);

/// How the channels of images are scaled: x becomes (x - mean) / deviation.
struct ImageScale {
  std::vector<double> mean;       ///< one a channel
  std::vector<double> deviation;  ///< one a channel, above 0
  std::string source;             ///< where they are from, in words
};

/// For images of 3 x 32 x 32 with values from 0 to 1 the constants that CIFAR-10 and CIFAR-100 are
/// trained with; for others mean and deviation over the pixels of the training part, in float64.
/// @throws Error(usage) for samples that are no square images, (side, side) or (channels, side,
/// side)
/// @throws Error(data) for a channel that is the same in every pixel
ImageScale image_scale(const Dataset& dataset);

/// The samples of a part, scaled: (n, channels, side, side) float32, stored pixel by pixel
/// (at::MemoryFormat::ChannelsLast), computed in float64.
/// @throws Error(usage) as `image_scale`
at::Tensor image_planes(const Dataset& dataset, const Samples& samples, const ImageScale& scale);

/// What a pixel of zeros becomes (channels), float32.
at::Tensor scaled_black(const ImageScale& scale);

}  // namespace overparam::data
