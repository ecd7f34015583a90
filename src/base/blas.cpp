// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/blas.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <cstdlib>
#include <string_view>

namespace overparam::base {

namespace {

constexpr const char* kKernelsVariable = "OPENBLAS_CORETYPE";

template <typename Function>
Function* exported(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
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

/// OpenBLAS's name for the best kernels of the instructions that this processor has.
std::string kernels_of_instructions() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return "SkylakeX";
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return "";
}

/// The kernels to take instead where OpenBLAS fell back to its oldest ones; else empty.
std::string better_kernels() {
  return blas_kernels() == "Prescott" ? kernels_of_instructions() : "";
}

}  // namespace

std::string blas_name() {
  // This function tells an OpenBLAS from every other library of the same name.
  if (const auto config = exported<char*()>("openblas_get_config")) return config();
  if (!loaded_library("libmkl").empty()) return "MKL";
  if (!loaded_library("openblas").empty()) return "OpenBLAS";
  if (!loaded_library("blis").empty()) return "BLIS";
  if (!loaded_library("atlas").empty()) return "ATLAS";
  return loaded_library("libblas").empty() ? "built into LibTorch" : "reference BLAS";
}

std::string blas_kernels() {
  const auto kernels = exported<char*()>("openblas_get_corename");
  return kernels == nullptr ? "" : kernels();
}

void use_fast_blas_kernels() {
  const std::string better = better_kernels();
  const auto forget = exported<void()>("gotoblas_dynamic_quit");
  const auto choose = exported<void()>("gotoblas_dynamic_init");
  if (better.empty() || forget == nullptr || choose == nullptr) return;
  if (std::getenv(kKernelsVariable) != nullptr) return;
  setenv(kKernelsVariable, better.c_str(), 1);
  forget();
  choose();
}

std::string blas_advice() {
  if (blas_name() == "reference BLAS") {
    return "matrix products come from the reference BLAS, which is many times slower than OpenBLAS; on "
           "Debian, apt-get install libopenblas0-openmp";
  }
  if (const std::string better = better_kernels(); !better.empty()) {
    return fmt::format(
        "OpenBLAS does not know this processor and multiplies many times slower than it could; "
        "set {}={}",
        kKernelsVariable,
        better);
  }
  return "";
}

}  // namespace overparam::base
