// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/products.hpp"

#include <ATen/ATen.h>
#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <string_view>

#include "overparam/base/require.hpp"

namespace overparam::linalg {

namespace {

using TextFunction = char* (*)();

/// The exported `openblas_get_config` tells an OpenBLAS from every other library of the same name.
TextFunction openblas_config() {
  return reinterpret_cast<TextFunction>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
}

std::string loaded_library(std::string_view part) {
  struct Search {
    std::string_view part;
    std::string found;
  } search{part, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* state) {
        auto& wanted = *static_cast<Search*>(state);
        if (std::string_view(info->dlpi_name).find(wanted.part) == std::string_view::npos) return 0;
        wanted.found = info->dlpi_name;
        return 1;
      },
      &search);
  return search.found;
}

}  // namespace

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
  at::addmm_out(out, out, a, b, beta, alpha);
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

std::string blas_name() {
  if (const auto config = openblas_config()) return config();
  if (!loaded_library("libmkl").empty()) return "MKL";
  if (!loaded_library("openblas").empty()) return "OpenBLAS";
  if (!loaded_library("blis").empty()) return "BLIS";
  if (!loaded_library("atlas").empty()) return "ATLAS";
  return loaded_library("libblas").empty() ? "built into LibTorch" : "reference BLAS";
}

bool blas_is_fast() { return blas_name() != "reference BLAS"; }

}  // namespace overparam::linalg
