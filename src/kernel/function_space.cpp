// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernel_shapes.hpp"
#include "overparam/base/require.hpp"
#include "overparam/kernel/dynamics.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::kernel {

namespace {

constexpr auto kWhere = "function-space descent";

std::vector<std::int64_t> recorded_steps(const FunctionSpaceOptions& options) {
  LinearMethod::descent(options.step_size, options.momentum);  // for its checks
  base::require(options.steps >= 0,
                ErrorKind::usage,
                "{}: the number of steps must not be negative, found {}",
                kWhere,
                options.steps);
  if (options.record.empty() && options.steps == 0) return {0};
  if (options.record.empty()) return {0, options.steps};
  base::require(std::ranges::is_sorted(options.record) && options.record.front() >= 0 &&
                    options.record.back() <= options.steps,
                ErrorKind::usage,
                "{}: steps to record must ascend within 0 to {}, found {}",
                kWhere,
                options.steps,
                fmt::join(options.record, ", "));
  return options.record;
}

/// out = start + kernel a, for a kernel of inputs or of outputs.
void respond(at::Tensor& out,
             const at::Tensor& start,
             const at::Tensor& kernel,
             const at::Tensor& a) {
  out.copy_(start);
  at::Tensor rows = out.view({kernel.size(0), -1});
  linalg::multiply(rows, kernel, a.view({kernel.size(1), -1}), 1, 1);
}

}  // namespace

FunctionSpacePath function_space_descent(const net::Loss& loss,
                                         const at::Tensor& kernel,
                                         const at::Tensor& targets,
                                         const at::Tensor& initial,
                                         const FunctionSpaceOptions& options,
                                         const at::Tensor& cross,
                                         const at::Tensor& test_initial) {
  FunctionSpacePath path{.steps = recorded_steps(options)};
  const at::Tensor y = rows_of(targets, kWhere, "targets");
  const at::Tensor f_0 = rows_of(initial, kWhere, "initial outputs");
  base::require(f_0.sizes() == y.sizes(),
                ErrorKind::usage,
                "{}: expected initial outputs shaped as the targets ({}), found ({})",
                kWhere,
                fmt::join(y.sizes(), ", "),
                fmt::join(f_0.sizes(), ", "));
  net::check_targets(loss, y);
  const std::int64_t n = y.size(0);
  const std::int64_t d = y.size(1);
  const at::Tensor K = kernel_of(kernel, n, n, d, kWhere);
  base::require(cross.defined() == test_initial.defined(),
                ErrorKind::usage,
                "{}: other inputs need both their kernel and their initial outputs",
                kWhere);
  const auto count = static_cast<std::int64_t>(path.steps.size());
  at::Tensor K_test;
  at::Tensor test_0;
  path.train = at::empty({count, n, d}, at::kDouble);
  if (cross.defined()) {
    test_0 = rows_of(test_initial, kWhere, "initial outputs");
    K_test = kernel_of(cross, test_0.size(0), n, d, kWhere);
    base::require(
        test_0.size(1) == d && K_test.size(1) == K.size(1),
        ErrorKind::usage,
        "{}: the kernel of other inputs must be of the samples' kind, with {} columns and "
        "{} outputs; found {} and {}",
        kWhere,
        K.size(1),
        d,
        K_test.size(1),
        test_0.size(1));
    path.test = at::empty({count, test_0.size(0), d}, at::kDouble);
  }

  at::Tensor f = f_0.clone();
  at::Tensor a = at::zeros_like(f);
  at::Tensor velocity = at::zeros_like(f);
  at::Tensor gradient = at::empty_like(f);
  for (std::int64_t t = 0, next = 0; next < count; ++t) {
    const double objective = net::evaluate(loss, f, y, {}, 0, &gradient).objective;
    base::require(std::isfinite(objective),
                  ErrorKind::numeric,
                  "{}: diverged at step {} with step size {:g}",
                  kWhere,
                  t,
                  options.step_size);
    for (; next < count && path.steps[static_cast<std::size_t>(next)] == t; ++next) {
      path.objectives.push_back(objective);
      path.train[next].copy_(f);
      if (!cross.defined()) continue;
      at::Tensor out = path.test[next];
      respond(out, test_0, K_test, a);
    }
    velocity.mul_(options.momentum).add_(gradient);
    a.add_(velocity, -options.step_size);
    respond(f, f_0, K, a);
  }
  return path;
}

}  // namespace overparam::kernel
