// SPDX-License-Identifier: Apache-2.0
// A module of one's own, exported by TorchScript, as an objective.
#pragma once

#include <filesystem>
#include <memory>

#include "overparam/curvature/objective.hpp"

namespace overparam::curvature {

/// The module's forward(inputs, targets) must return one number, the mean loss of the rows it was
/// given; W are its floating-point parameters in the order of their names. It runs in evaluation
/// mode, and buffers stay as they are.
/// @param inputs (n, ...), targets (n, ...): the first dimension is cut into batches
/// @throws Error(data) naming the file: it cannot be read, has no parameters or no forward with two
/// arguments, returns something other than one finite-size scalar, or its loss does not depend on
/// its parameters
std::unique_ptr<Objective> script_objective(const std::filesystem::path& file,
                                            const at::Tensor& inputs,
                                            const at::Tensor& targets,
                                            std::int64_t batch_size = 128);

}  // namespace overparam::curvature
