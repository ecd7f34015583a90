// SPDX-License-Identifier: Apache-2.0
// The library behind matrix products on the CPU.
#pragma once

#include <string>

namespace overparam::base {

/// What it calls itself, as far as it can be told: an OpenBLAS with its version and kernels,
/// "reference BLAS", ...
std::string blas_name();

/// The kernels that an OpenBLAS of many processors uses, "SkylakeX"; empty for every other library.
std::string blas_kernels();

/// For the first line of a program, before any product: an OpenBLAS older than this processor does
/// not know it, and takes kernels of 2004 that are up to seven times too slow (0.3.21 on Emerald
/// Rapids, 2048^3 in float32: 58 against 274 GFLOP/s). Lets it take those of the instructions that
/// are here, as OPENBLAS_CORETYPE would, and sets that variable for processes started later. Does
/// nothing where the variable is set, the library is another one or knows the processor.
void use_fast_blas_kernels();

/// Why products are many times slower than they could be, and what helps; empty where they are not.
std::string blas_advice();

}  // namespace overparam::base
