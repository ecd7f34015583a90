// SPDX-License-Identifier: Apache-2.0
// The tangent kernel at initialisation approaches (m / 2d) Theta (x) I_d. The proof needs m ~ L^6
// eps^-4 for an error of eps, m^(-1/4); entries are sums over m nearly independent neurons, and the
// error is m^(-1/2), in the blocks between different outputs too, whose limit is zero.
#include <ATen/ATen.h>

#include <cmath>

#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "support/experiment.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

constexpr std::int64_t kSamples = 6;
constexpr std::int64_t kOutputs = 2;

std::vector<Row> measure(const Point& original) {
  Point point = original;
  point.settings["n"] = kSamples;
  point.settings["d"] = kOutputs;
  point.settings["dx"] = 10;
  const train::Problem problem = sphere_problem(point, at::kDouble);
  const net::Network network = fc_network(point, problem);
  const at::Tensor limit = kernel::infinite_kernel(problem.inputs, point.integer("L"));
  const at::Tensor theta = kernel::tangent_kernel(network, problem.inputs)
                               .mul(2 * point.at("d") / point.at("m"))
                               .view({kSamples, kOutputs, kSamples, kOutputs});
  const auto relative = [&](const at::Tensor& difference) {
    return (difference.norm() / limit.norm()).item<double>();
  };
  Row row = row_of(point);
  row.values["error"] = relative(theta.select(3, 0).select(1, 0) - limit);
  row.values["between_outputs"] = relative(theta.select(3, 1).select(1, 0));
  row.values["constant"] = row.at("error") * std::sqrt(point.at("m"));
  return {row};
}

Law in_width(const char* quantity, const char* column) {
  return {.name = std::string(quantity) + " in m",
          .design = "m",
          .x = "m",
          .y = column,
          .predicted = -0.5,
          .bound = Bound::exact};
}

std::vector<Design> designs(Scale scale) {
  return {
      {.name = "m",
       .fixed = {{"L", 3}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {64, 128, 256, 512, 1024},
                                           {64, 128, 256, 512, 1024, 2048, 4096})}},
       .seeds = pick(scale, 12, 24, 60)},
      {.name = "L",
       .fixed = {{"m", pick(scale, 256.0, 512.0, 2048.0)}},
       .axes = {{"L",
                 pick<std::vector<double>>(
                     scale, {1, 2, 4, 8}, {1, 2, 4, 8, 16}, {1, 2, 4, 8, 16, 32})}},
       .seeds = pick(scale, 6, 10, 30)},
  };
}

}  // namespace

Claim ntk_init() {
  return {
      .id = "ntk-init",
      .group = Group::tangent_kernel,
      .statement =
          "|K_0(x, x') - (m / 2d) Theta(x, x')| <= (L + 1) eps m for m >= Omega(L^6 eps^-4 log L): "
          "at least m^(-1/4) L^1.5 relative to the kernel, and m^(-1/2) in fact",
      .source = "Arora et al. 2019 (arXiv 1904.11955), Theorem 3.1, as used with Theorem 5",
      .quantity = "|K_0 - K_inf|_F / |K_inf|_F, and the same between different outputs",
      .window = "every m has its eps",
      .inside_window = everywhere,
      .expected = {VerdictKind::loose, VerdictKind::consistent},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = {in_width("|K_0 - K_inf|_F / |K_inf|_F", "error"),
               in_width("the same between different outputs", "between_outputs"),
               {.name = "|K_0 - K_inf|_F / |K_inf|_F in L",
                .design = "L",
                .x = "L",
                .y = "error",
                .predicted = 1.5}},
      .checks = {{.name = "mean sqrt(m) |K_0 - K_inf|_F / |K_inf|_F at L = 3",
                  .meaning = "4.2 to 5.1 was seen in networks of another implementation",
                  .value = mean_where("m", "constant", {}),
                  .low = 2.5,
                  .high = 8}},
      .positive_control = {.description = "L = 2, m up to 512",
                           .designs = {{.name = "m",
                                        .fixed = {{"L", 2}},
                                        .axes = {{"m", {64, 128, 256, 512}}},
                                        .seeds = 12},
                                       {.name = "L",
                                        .fixed = {{"m", 256}},
                                        .axes = {{"L", {1, 2, 4, 8}}},
                                        .seeds = 6}}},
      .negative_control = {.description =
                               "Definition 2.3 broken: variance 3/m, the kernel has another limit",
                           .designs = {{.name = "m",
                                        .fixed = {{"L", 2}, {"gain", 1.5}},
                                        .axes = {{"m", {64, 128, 256, 512}}},
                                        .seeds = 12}}},
  };
}

}  // namespace overparam::claims
