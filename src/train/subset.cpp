// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/subset.hpp"

#include <ATen/ATen.h>

namespace overparam::train {

Problem subset_of(const Problem& problem, const at::Tensor& indices) {
  Problem part = problem;
  const at::Tensor chosen = indices.to(problem.inputs.device());
  part.inputs = problem.inputs.index_select(0, chosen);
  part.targets = problem.targets.index_select(0, chosen);
  if (problem.labels.defined()) {
    part.labels = problem.labels.index_select(0, indices.to(problem.labels.device()));
  }
  return part;
}

}  // namespace overparam::train
