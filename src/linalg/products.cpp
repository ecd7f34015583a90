// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/products.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "onednn.hpp"
#include "overparam/base/require.hpp"

namespace overparam::linalg {

namespace {

thread_local bool products_are_coarse = false;

/// Below it rounding the factors costs more than it saves.
constexpr std::int64_t kLeastOperations = 1 << 22;

bool is_rounded(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  const auto has_rows = [](const at::Tensor& x) { return x.stride(0) == 1 || x.stride(1) == 1; };
  return products_are_coarse && a.scalar_type() == at::kFloat && a.device().is_cpu() &&
         a.size(0) * a.size(1) * b.size(1) >= kLeastOperations && out.stride(1) == 1 &&
         has_rows(a) && has_rows(b);
}

/// x in bfloat16, rows or columns contiguous as they were, in memory that the next call for the
/// same side takes.
at::Tensor rounded(const at::Tensor& x, at::Tensor& memory) {
  if (!memory.defined() || memory.numel() < x.numel()) {
    memory = at::empty({x.numel()}, at::kBFloat16);
  }
  const bool columns = x.stride(1) != 1;
  const at::Tensor source = columns ? x.t() : x;
  at::Tensor copy = memory.narrow(0, 0, x.numel()).view(source.sizes());
  copy.copy_(source);
  return columns ? copy.t() : copy;
}

void multiply_rounded(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha, double beta) {
  thread_local at::Tensor left;
  thread_local at::Tensor right;
  onednn::multiply(out, rounded(a, left), rounded(b, right), alpha, beta);
}

}  // namespace

bool has_coarse_products() { return onednn::has_amx(); }

CoarseProducts::CoarseProducts(bool wanted) : former_(products_are_coarse) {
  products_are_coarse = wanted && has_coarse_products();
}

CoarseProducts::~CoarseProducts() { products_are_coarse = former_; }

void multiply(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha, double beta) {
  if (b.dim() == 1) {
    base::ensure(
        a.dim() == 2 && out.dim() == 1 && a.size(1) == b.size(0) && out.size(0) == a.size(0),
        "multiply: the shapes of out, a and the vector b do not fit");
    if (beta == 0) out.zero_();  // some libraries read it all the same
    at::addmv_out(out, out, a, b, beta, alpha);
    return;
  }
  base::ensure(a.dim() == 2 && b.dim() == 2 && out.dim() == 2 && a.size(1) == b.size(0) &&
                   out.size(0) == a.size(0) && out.size(1) == b.size(1),
               "multiply: the shapes of out, a and b do not fit");
  if (is_rounded(out, a, b)) {
    multiply_rounded(out, a, b, alpha, beta);
  } else {
    at::addmm_out(out, out, a, b, beta, alpha);
  }
}

void multiply_batched(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha, double beta) {
  if (alpha == 1 && beta == 0) {
    at::bmm_out(out, a, b);
    return;
  }
  if (beta == 0) out.zero_();  // small products read it all the same
  at::baddbmm_out(out, out, a, b, beta, alpha);
}

void multiply_gram(at::Tensor& out, const at::Tensor& a) {
  constexpr std::int64_t kBlock = 512;  // wide enough for products at their full rate
  const std::int64_t r = a.size(1);
  for (std::int64_t i = 0; i < r; i += kBlock) {
    const std::int64_t width = std::min(kBlock, r - i);
    at::Tensor below = out.narrow(0, i, r - i).narrow(1, i, width);
    multiply(below, a.narrow(1, i, r - i).t(), a.narrow(1, i, width));
    const std::int64_t rest = r - i - width;
    if (rest == 0) break;
    out.narrow(0, i, width).narrow(1, i + width, rest).copy_(below.narrow(0, width, rest).t());
  }
}

}  // namespace overparam::linalg
