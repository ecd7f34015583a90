// SPDX-License-Identifier: Apache-2.0
#include "support/experiment.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "overparam/data/prepare.hpp"
#include "overparam/data/sources.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/fit.hpp"
#include "overparam/net/catalogue.hpp"

namespace overparam::claims {

namespace {

train::Problem generated_problem(const char* generator, const Point& point, at::ScalarType type) {
  const auto outputs = static_cast<std::int64_t>(point.get("d", 1));
  data::Dataset dataset = data::find_generator(generator).generate({
      .num_samples = point.integer("n"),
      .dimension = static_cast<std::int64_t>(point.get("dx", 0)),
      .num_outputs = outputs,
      .separation = point.get("delta", 0),
      .seed = point.seed(),
  });
  data::encode_targets(dataset, outputs);
  data::normalise(dataset, data::Normalisation::sphere, type);
  return {.inputs = dataset.train.inputs,
          .targets = dataset.train.targets.to(type),
          .loss = net::find_loss("squared"),
          .separation = point.get("delta", 0)};
}

}  // namespace

Row row_of(const Point& point, const std::string& family) {
  return {.design = point.design, .family = family, .values = point.settings};
}

train::Problem sphere_problem(const Point& point, at::ScalarType type) {
  return generated_problem("sphere", point, type);
}

train::Problem circle_problem(const Point& point, at::ScalarType type) {
  return generated_problem("circle", point, type);
}

net::Architecture fc_architecture(const Point& point, std::int64_t input_size) {
  auto shape = net::make_architecture("fc",
                                      {.input_size = input_size,
                                       .num_outputs = static_cast<std::int64_t>(point.get("d", 1)),
                                       .width = point.integer("m"),
                                       .depth = point.integer("L")});
  for (auto& block : shape.blocks) {
    if (block.trained) block.variance *= point.get("gain", 1);
  }
  return shape;
}

net::Network fc_network(const Point& point, const train::Problem& problem) {
  return {fc_architecture(point, problem.inputs.size(1)), point.seed(), problem.inputs.options()};
}

KernelEnds kernel_ends(const net::Network& network, const at::Tensor& inputs) {
  const at::Tensor spectrum =
      linalg::symmetric_eigenvalues(kernel::tangent_kernel(network, inputs));
  return {spectrum[0].item<double>(), spectrum[-1].item<double>()};
}

std::uint64_t measurement_memory(const Point& point) {
  const double m = point.get("m", 1024);
  const double rows = point.get("n", 1) * point.get("d", 1);
  const double numbers = (point.get("L", 1) + 3) * m * m + 4 * rows * m + 2 * rows * rows;
  return static_cast<std::uint64_t>(2 * sizeof(double) * numbers);
}

std::vector<Row> rows_of(const std::vector<Row>& rows,
                         const std::string& design,
                         const std::string& family) {
  std::vector<Row> result;
  for (const auto& row : rows) {
    const bool belongs =
        (design.empty() || row.design == design) && (family.empty() || row.family == family);
    if (belongs) result.push_back(row);
  }
  return result;
}

std::vector<double> column(const std::vector<Row>& rows, const std::string& name) {
  std::vector<double> values;
  for (const auto& row : rows) values.push_back(row.at(name));
  return values;
}

std::vector<std::vector<Row>> group_by(const std::vector<Row>& rows,
                                       const std::vector<std::string>& names) {
  std::map<std::vector<double>, std::vector<Row>> groups;
  for (const auto& row : rows) {
    std::vector<double> key;
    for (const auto& name : names) key.push_back(row.at(name));
    groups[key].push_back(row);
  }
  std::vector<std::vector<Row>> result;
  for (auto& [key, members] : groups) result.push_back(std::move(members));
  return result;
}

std::function<double(const std::vector<Row>&)> least(const std::string& design,
                                                     const std::string& name) {
  return [=](const std::vector<Row>& rows) {
    const auto values = column(rows_of(rows, design), name);
    return values.empty() ? std::numeric_limits<double>::quiet_NaN() : std::ranges::min(values);
  };
}

std::function<double(const std::vector<Row>&)> most(const std::string& design,
                                                    const std::string& name) {
  return [=](const std::vector<Row>& rows) {
    const auto values = column(rows_of(rows, design), name);
    return values.empty() ? std::numeric_limits<double>::quiet_NaN() : std::ranges::max(values);
  };
}

std::function<double(const std::vector<Row>&)> share_with_number(const std::string& design,
                                                                 const std::string& name) {
  return [=](const std::vector<Row>& rows) {
    const auto values = column(rows_of(rows, design), name);
    const auto count =
        std::ranges::count_if(values, [](double value) { return std::isfinite(value); });
    return static_cast<double>(count) / static_cast<double>(values.size());
  };
}

std::function<double(const std::vector<Row>&)> mean_where(const std::string& design,
                                                          const std::string& name,
                                                          const Values& where) {
  return [=](const std::vector<Row>& rows) {
    std::vector<double> values;
    for (const auto& row : rows_of(rows, design)) {
      const bool matches = std::ranges::all_of(
          where, [&](const auto& entry) { return row.at(entry.first) == entry.second; });
      if (matches) values.push_back(row.at(name));
    }
    return values.empty() ? std::numeric_limits<double>::quiet_NaN() : linalg::mean(values);
  };
}

}  // namespace overparam::claims
