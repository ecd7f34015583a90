// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/plain_float32.hpp"

#include <ATen/Context.h>

namespace overparam::linalg {

PlainFloat32::PlainFloat32()
    : convolutions_rounded_(at::globalContext().allowTF32CuDNN()),
      products_rounded_(at::globalContext().allowTF32CuBLAS()),
      deterministic_(at::globalContext().deterministicCuDNN()) {
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  at::globalContext().setDeterministicCuDNN(true);
}

PlainFloat32::~PlainFloat32() {
  at::globalContext().setAllowTF32CuDNN(convolutions_rounded_);
  at::globalContext().setAllowTF32CuBLAS(products_rounded_);
  at::globalContext().setDeterministicCuDNN(deterministic_);
}

}  // namespace overparam::linalg
