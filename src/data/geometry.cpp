// SPDX-License-Identifier: Apache-2.0
#include "overparam/data/geometry.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "closest_pair.hpp"
#include "equal_rows.hpp"
#include "overparam/base/require.hpp"

namespace overparam::data {

namespace {

/// Inputs as the code below needs them. @throws Error(usage)
at::Tensor checked_inputs(const at::Tensor& inputs, const char* who) {
  const bool floating = inputs.scalar_type() == at::kFloat || inputs.scalar_type() == at::kDouble;
  base::require(inputs.dim() == 2 && floating,
                ErrorKind::usage,
                "{}: inputs must be (n, dx) float32 or float64, found {} dimensions of {}",
                who,
                inputs.dim(),
                c10::toString(inputs.scalar_type()));
  return inputs.detach().to(at::kCPU).contiguous();
}

/// Whether the rows `members` of `values` (n, ...) are all the same.
bool all_same(const at::Tensor& values, const std::vector<std::int64_t>& members) {
  for (const auto member : members) {
    if (!at::equal(values[member], values[members.front()])) return false;
  }
  return true;
}

/// sum_i |y_i - mean|^2 / 2 over the members.
double squared_spread(const at::Tensor& targets, const std::vector<std::int64_t>& members) {
  const at::Tensor own = targets.index_select(0, at::tensor(members)).to(at::kDouble);  // (g, d)
  return 0.5 * (own - own.mean(0, /*keepdim=*/true)).square().sum().item<double>();
}

/// The group's size times the entropy of the classes in it.
double label_entropy(const std::vector<std::int64_t>& classes) {
  std::map<std::int64_t, double> counts;
  for (const auto label : classes) ++counts[label];
  const auto size = static_cast<double>(classes.size());
  double sum = 0;
  for (const auto& [label, count] : counts) sum -= count * std::log(count / size);
  return sum;
}

/// The class of every sample: its label, or the first sample with the same targets.
std::vector<std::int64_t> classes_of(const Samples& samples) {
  std::vector<std::int64_t> classes(static_cast<std::size_t>(samples.size()));
  if (samples.labels.defined()) {
    const at::Tensor labels = samples.labels.contiguous();
    std::copy_n(labels.data_ptr<std::int64_t>(), classes.size(), classes.begin());
    return classes;
  }
  std::iota(classes.begin(), classes.end(), std::int64_t{0});
  for (const auto& group : equal_rows(samples.targets)) {
    for (const auto member : group) classes[static_cast<std::size_t>(member)] = group.front();
  }
  return classes;
}

}  // namespace

Separation separation(const at::Tensor& inputs) {
  const at::Tensor rows = checked_inputs(inputs, "separation");
  const auto equal = equal_rows(rows);
  if (!equal.empty()) return {.distance = 0, .first = equal[0][0], .second = equal[0][1]};
  std::vector<std::int64_t> all(static_cast<std::size_t>(rows.size(0)));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return closest_pair(rows, all);
}

Duplicates find_duplicates(const Samples& samples) {
  const at::Tensor inputs = checked_inputs(samples.inputs, "find_duplicates");
  base::require(samples.targets.defined(),
                ErrorKind::usage,
                "find_duplicates: the samples need targets; call encode_targets first");
  const auto groups = equal_rows(inputs);
  Duplicates result;
  if (groups.empty()) return result;

  const auto classes = classes_of(samples);
  for (const auto& members : groups) {
    std::vector<std::int64_t> own_classes;
    for (const auto member : members) {
      own_classes.push_back(classes[static_cast<std::size_t>(member)]);
    }
    const double entropy = label_entropy(own_classes);
    const bool conflicting = !all_same(samples.targets, members) || entropy > 0;
    const auto size = std::ssize(members);
    result.num_duplicates += size - 1;
    if (conflicting) result.num_conflicting += size;
    result.irreducible_squared += squared_spread(samples.targets, members);
    result.irreducible_cross_entropy += entropy;
    result.groups.push_back({.members = members, .conflicting = conflicting});
  }
  return result;
}

Separation separation_of_distinct(const at::Tensor& inputs, const Duplicates& duplicates) {
  const at::Tensor rows = checked_inputs(inputs, "separation_of_distinct");
  std::vector<bool> repeats(static_cast<std::size_t>(rows.size(0)), false);
  for (const auto& group : duplicates.groups) {
    for (const auto member : group.members) {
      base::ensure(
          member < rows.size(0), "separation_of_distinct: sample {} of another set", member);
      repeats[static_cast<std::size_t>(member)] = member != group.members.front();
    }
  }
  std::vector<std::int64_t> distinct;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    if (!repeats[static_cast<std::size_t>(i)]) distinct.push_back(i);
  }
  return closest_pair(rows, distinct);
}

}  // namespace overparam::data
