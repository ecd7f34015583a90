// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "overparam/base/clock.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/narrow.hpp"

namespace overparam::linalg {

namespace {

/// The best of a few rounds: the first pays for the primitive, and others may use the processor.
double measured_rate(Products format) {
  constexpr std::int64_t p = 512;
  constexpr std::int64_t q = 1024;
  constexpr std::int64_t r = 1024;
  constexpr int kRounds = 4;
  constexpr double kSeconds = 0.06;  // emulated formats must not cost more than this and a round
  const at::Tensor left = at::linspace(-1, 1, p * q, at::kFloat).view({p, q});
  const at::Tensor right = at::linspace(-1, 1, q * r, at::kFloat).view({q, r});
  at::Tensor out = at::zeros({p, r}, at::kFloat);
  NarrowMatrix a(format, p, q);
  NarrowMatrix b(format, q, r);
  a.assign(left);
  b.assign(right);
  double best = std::numeric_limits<double>::infinity();
  const base::Stopwatch all;
  for (int round = 0; round < kRounds && (round < 2 || all.seconds() < kSeconds); ++round) {
    const base::Stopwatch watch;
    multiply_narrow(out, a, b);
    best = std::min(best, watch.seconds());
  }
  return 2.0 * p * q * r / best;
}

double rate_in(const std::vector<ProductRate>& table, Products products) {
  const auto found = std::ranges::find(table, products, &ProductRate::products);
  return found == table.end() ? 0 : found->flops;
}

}  // namespace

const std::vector<ProductRate>& product_table() {
  static const std::vector<ProductRate> table = [] {
    std::vector<ProductRate> rates;
    for (const auto format :
         {Products::plain, Products::onednn, Products::bfloat16, Products::int8}) {
      if (is_available(format)) rates.push_back({format, measured_rate(format)});
    }
    // Their products are bfloat16's, three and six of them.
    if (const double rate = rate_in(rates, Products::bfloat16); rate > 0) {
      rates.push_back({Products::split2, rate / 3});
      rates.push_back({Products::split3, rate / 6});
    }
    return rates;
  }();
  return table;
}

Products choose_from(const std::vector<ProductRate>& table) {
  constexpr double kWorthwhile = 1.5;  // rounding the operands costs a tenth of the product
  for (const auto format : {Products::bfloat16, Products::int8}) {
    if (rate_in(table, format) >= kWorthwhile * rate_in(table, Products::plain)) return format;
  }
  return Products::plain;
}

Products choose_products(Products wanted) {
  base::require(is_available(wanted),
                ErrorKind::usage,
                "products in {} are not available on this machine: it has {}",
                to_string(wanted),
                [] {
                  std::string names = "plain";
                  for (const auto format : {Products::onednn,
                                            Products::bfloat16,
                                            Products::split2,
                                            Products::split3,
                                            Products::int8}) {
                    if (is_available(format)) names += ", " + to_string(format);
                  }
                  return names;
                }());
  return wanted == Products::automatic ? choose_from(product_table()) : wanted;
}

}  // namespace overparam::linalg
