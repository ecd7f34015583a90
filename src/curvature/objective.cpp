// SPDX-License-Identifier: Apache-2.0
#include "overparam/curvature/objective.hpp"

#include "overparam/base/catalogue.hpp"

namespace overparam::curvature {

namespace {

constexpr base::EnumNames<NormMode, 3> kNormModes{{{NormMode::running, "running"},
                                                   {NormMode::batch, "batch"},
                                                   {NormMode::reestimated, "reestimated"}}};

}  // namespace

void Objective::second_derivative(const at::Tensor&, const at::Tensor&, at::Tensor&) const {
  base::fail(
      ErrorKind::usage, "{}: has no second derivatives; take differences of gradients", describe());
}

std::string to_string(NormMode mode) { return base::name_in(kNormModes, mode); }
NormMode parse_norm_mode(const std::string& name) {
  return base::value_in(kNormModes, "mode of batch normalisation", name);
}

}  // namespace overparam::curvature
