// SPDX-License-Identifier: Apache-2.0
// Lemma A.3b-d: the products of the hidden layers on sparse vectors. Their entries are of size
// sqrt(2/m), so an s-sparse pair chosen to be worst reaches |u^T P v| ~ sqrt(s log(m/s) / m), and
// the log makes the exponent in s a little less than 1/2. Power iteration that keeps the s largest
// coordinates after every product bounds the supremum from below; random vectors show what is
// typical. The norms of the products' rows and columns scatter by sqrt(5 L / 4m), and an adversary
// takes the largest: flat in L asks for m well above L log m.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/random.hpp"
#include "overparam/linalg/products.hpp"
#include "support/experiment.hpp"
#include "support/window.hpp"

namespace overparam::claims {

namespace {

/// W_L D_{L-1} W_{L-1} ... D_1 W_1 along one random input (m, m).
at::Tensor product(const Point& point) {
  const std::int64_t m = point.integer("m");
  Point shape = point;
  shape.settings["dx"] = 10;
  shape.settings["n"] = 1;
  const train::Problem problem = sphere_problem(shape, at::kFloat);
  const net::Network network = fc_network(shape, problem);
  net::Workspace workspace(network.options());
  const net::Tape tape = network.record(problem.inputs, workspace);
  at::Tensor result = network.parameters()[1].clone();
  at::Tensor next = at::empty_like(result);
  for (int layer = 2; layer <= static_cast<int>(point.integer("L")); ++layer) {
    result.mul_((tape.features(layer - 1) > 0).to(at::kFloat).view({m, 1}));
    linalg::multiply(next, network.parameters()[layer], result);
    std::swap(result, next);
  }
  return result;
}

/// The s largest coordinates of a vector, normalised; zero elsewhere.
at::Tensor truncated(const at::Tensor& vector, std::int64_t s) {
  const auto [size, chosen] = vector.abs().topk(s);
  at::Tensor kept = at::zeros_like(vector);
  kept.index_copy_(0, chosen, vector.index_select(0, chosen));
  return kept / kept.norm();
}

/// Starts for truncated power iteration: columns of the matrix, the one with the largest entry
/// first.
std::vector<std::int64_t> start_columns(const at::Tensor& matrix) {
  const std::int64_t columns = matrix.size(1);
  std::vector<std::int64_t> starts{matrix.abs().argmax().item<std::int64_t>() % columns};
  for (std::int64_t i = 1; i < 4; ++i) starts.push_back(i * columns / 4);
  return starts;
}

constexpr int kIterations = 8;

/// sup |u^T P v| over s-sparse unit u and v, from below.
double bilinear(const at::Tensor& matrix, std::int64_t s) {
  double largest = 0;
  for (const std::int64_t start : start_columns(matrix)) {
    at::Tensor u = truncated(matrix.select(1, start), s);
    for (int i = 0; i < kIterations; ++i) {
      const at::Tensor v = truncated(at::mv(matrix.t(), u), s);
      const at::Tensor image = at::mv(matrix, v);
      u = truncated(image, s);
      largest = std::max(largest, at::dot(u, image).item<double>());
    }
  }
  return largest;
}

/// sup |P u| over s-sparse unit u, from below.
double sparse_stretch(const at::Tensor& matrix, std::int64_t s) {
  double largest = 0;
  const std::int64_t longest = matrix.norm(2, 0).argmax().item<std::int64_t>();
  for (const std::int64_t start : {longest, matrix.size(1) / 2}) {
    at::Tensor image = matrix.select(1, start).clone();
    for (int i = 0; i < kIterations; ++i) {
      image = at::mv(matrix, truncated(at::mv(matrix.t(), image), s));
      largest = std::max(largest, image.norm().item<double>());
    }
  }
  return largest;
}

/// Random s-sparse unit vectors, one a column (m, count).
at::Tensor sparse_vectors(std::int64_t m, std::int64_t s, const base::Stream& stream) {
  constexpr std::int64_t kCount = 64;
  at::Tensor vectors = at::zeros({m, kCount});
  at::Tensor entries = at::empty({kCount, s});
  base::fill_normal(entries, 1, stream);
  for (std::int64_t i = 0; i < kCount; ++i) {
    auto support = base::random_permutation(
        m, base::Stream(stream.seed, "support", stream.id + static_cast<std::uint64_t>(i)));
    support.resize(static_cast<std::size_t>(s));
    vectors.select(1, i).index_copy_(0, at::tensor(support, at::kLong), entries[i]);
  }
  return vectors / vectors.norm(2, 0, true);
}

/// What is typical: |u^T P v| (root mean square), |P v| and |u^T P| (means) for random vectors.
Values on_random_vectors(const at::Tensor& matrix, std::int64_t s, const Point& point) {
  const std::int64_t m = matrix.size(0);
  const at::Tensor u = sparse_vectors(m, s, base::Stream(point.seed(), "sparse u"));
  const at::Tensor v = sparse_vectors(m, s, base::Stream(point.seed(), "sparse v"));
  const at::Tensor image = at::matmul(matrix, v);
  return {{"bilinear", (u * image).sum(0).pow(2).mean().sqrt().item<double>()},
          {"stretch", image.norm(2, 0).mean().item<double>()},
          {"stretch_transposed", at::matmul(matrix.t(), u).norm(2, 0).mean().item<double>()}};
}

std::vector<Row> measure(const Point& point) {
  const at::Tensor matrix = product(point);
  const at::Tensor transposed = matrix.t().contiguous();
  const double m = point.at("m");
  const double allowed = m / (point.at("L") * std::log(m));  // of the lemma, with constant 1
  std::vector<double> counts{1, 2, 4, 8};
  if (point.settings.contains("s")) counts = {point.at("s")};
  if (point.settings.contains("share")) counts = {std::floor(point.at("share") * allowed)};
  std::vector<Row> rows;
  for (const double count : counts) {
    const auto s = static_cast<std::int64_t>(count);
    const auto add_row = [&](const char* family, const Values& values) {
      Row row = row_of(point, family);
      row.values["s"] = count;
      row.values.insert(values.begin(), values.end());
      row.values["constant"] = row.at("bilinear") / std::sqrt(count * std::log(m) / m);
      row.values["bilinear_without_log"] = row.at("bilinear") / std::sqrt(std::log(m));
      rows.push_back(std::move(row));
    };
    add_row("adversarial",
            {{"bilinear", bilinear(matrix, s)},
             {"stretch", sparse_stretch(matrix, s)},
             {"stretch_transposed", sparse_stretch(transposed, s)}});
    add_row("random", on_random_vectors(matrix, s, point));
  }
  return rows;
}

Law bilinear_in(const char* variable, double predicted, const char* family) {
  return {.name = std::string("|u^T P v| in ") + variable + ", " + family,
          .design = variable,
          .family = family,
          .x = variable,
          .y = "bilinear_without_log",
          .predicted = predicted};
}

Check stretch_check(const char* name, const char* column) {
  return {.name = name,
          .meaning = "sqrt 2 for one column, and at most 2 by the lemma",
          .value = most("share", column),
          .low = 1,
          .high = 2};
}

std::vector<Design> designs(Scale scale) {
  const int seeds = pick(scale, 3, 6, 16);
  return {
      {.name = "s", .fixed = {{"m", pick(scale, 512.0, 1024.0, 4096.0)}, {"L", 2}}, .seeds = seeds},
      {.name = "m",
       .fixed = {{"L", 2}, {"s", 4}},
       .axes = {{"m",
                 pick<std::vector<double>>(scale,
                                           {64, 128, 256, 512},
                                           {64, 128, 256, 512, 1024},
                                           {128, 256, 512, 1024, 2048, 4096})}},
       .seeds = seeds},
      {.name = "L",
       .fixed = {{"m", pick(scale, 512.0, 1024.0, 4096.0)}, {"s", 4}},
       .axes = {{"L", pick<std::vector<double>>(scale, {1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 4, 8})}},
       .seeds = seeds},
      {.name = "share",
       .fixed = {{"m", pick(scale, 512.0, 1024.0, 4096.0)}, {"share", 0.0625}},
       .axes = {{"L", pick<std::vector<double>>(scale, {1, 2}, {1, 2, 4}, {1, 2, 4, 8})}},
       .seeds = seeds},
  };
}

}  // namespace

Claim lemA_inter_bcd() {
  return {
      .id = "lemA-inter-bcd",
      .group = Group::initialisation,
      .statement =
          "for s-sparse u, v with s <= O(m / (L log m)): |W_b D ... W_a u| <= 2 |u|, |u^T W_b D "
          "... "
          "W_a| <= O(1) |u|, |u^T W_b D ... W_a v| <= O(sqrt(s log m / m)) |u| |v|",
      .source = "Lemma A.3b-d (7.3b-d)",
      .quantity =
          "sup |u^T P v|, sup |P u| and sup |u^T P| over s-sparse unit vectors, P = W_L D ... "
          "W_1",
      .window = "s <= c m / (L log m), c open: met for c = 1 but for the largest s and L",
      .inside_window =
          [](const Row& row) {
            return row.at("s") <= row.at("m") / (row.at("L") * std::log(row.at("m")));
          },
      .expected = {VerdictKind::tight},
      .designs = designs,
      .measure = measure,
      .memory = measurement_memory,
      .laws = {bilinear_in("s", 0.5, "adversarial"),
               bilinear_in("s", 0.5, "random"),
               bilinear_in("m", -0.5, "adversarial"),
               bilinear_in("m", -0.5, "random"),
               bilinear_in("L", 0, "adversarial"),
               bilinear_in("L", 0, "random")},
      .checks = {stretch_check("largest |P u|, s = m / (16 L log m)", "stretch"),
                 stretch_check("largest |u^T P|, s = m / (16 L log m)", "stretch_transposed"),
                 {.name = "largest |u^T P v| / sqrt(s log m / m)",
                  .meaning = "the constant of the bound",
                  .value = most("s", "constant"),
                  .low = 0.5,
                  .high = 4}},
      .positive_control = {.description = "m up to 512, L up to 4",
                           .designs = {{.name = "s", .fixed = {{"m", 512}, {"L", 2}}, .seeds = 2},
                                       {.name = "m",
                                        .fixed = {{"L", 2}, {"s", 4}},
                                        .axes = {{"m", {64, 128, 256, 512}}},
                                        .seeds = 2},
                                       {.name = "L",
                                        .fixed = {{"m", 512}, {"s", 4}},
                                        .axes = {{"L", {1, 2, 3, 4}}},
                                        .seeds = 3},
                                       {.name = "share",
                                        .fixed = {{"m", 512}, {"share", 0.0625}},
                                        .axes = {{"L", {1, 2}}},
                                        .seeds = 3}}},
      .negative_control = {.description =
                               "Definition 2.3 broken: variance 4/m, products grow as sqrt(2)^L",
                           .designs = {{.name = "L",
                                        .fixed = {{"m", 128}, {"s", 4}, {"gain", 2}},
                                        .axes = {{"L", {1, 2, 4, 8}}},
                                        .seeds = 4}}},
  };
}

}  // namespace overparam::claims
