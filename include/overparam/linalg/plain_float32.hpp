// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace overparam::linalg {

/// While it lives, float32 on CUDA means float32, and the same input the same bits: convolutions and
/// products do not round their factors to TF32 (10 bits), which LibTorch lets convolutions do and
/// which is too coarse for differences of gradients, and convolutions take no algorithm that adds in
/// no fixed order. Restores what was set before. Nothing changes on CPUs. The settings are
/// LibTorch's, of the whole process: one guard at the start of a run, not one a thread.
class PlainFloat32 {
 public:
  PlainFloat32();
  ~PlainFloat32();
  PlainFloat32(const PlainFloat32&) = delete;
  PlainFloat32& operator=(const PlainFloat32&) = delete;

 private:
  bool convolutions_rounded_;
  bool products_rounded_;
  bool deterministic_;
};

}  // namespace overparam::linalg
