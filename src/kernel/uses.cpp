// SPDX-License-Identifier: Apache-2.0
#include "uses.hpp"

#include <ATen/ATen.h>

#include <map>

namespace overparam::kernel {

void backward_by_block(const net::Network& network,
                       const net::Tape& tape,
                       const at::Tensor& cotangent,
                       net::Workspace& workspace,
                       const std::function<void(std::span<const UseRecord>)>& on_block) {
  struct Pending {
    std::vector<UseRecord> records;
    std::vector<linalg::Scratch> copies;
  };
  std::map<int, Pending> pending;
  network.backward(tape,
                   cotangent,
                   workspace,
                   [&](const net::Use& use, const at::Tensor& delta, const at::Tensor& gathered) {
                     const int uses = network.architecture().uses_of(use.block);
                     if (uses == 1) {
                       const UseRecord record{use, delta, gathered};
                       on_block({&record, 1});
                       return;
                     }
                     auto& waiting = pending[use.block];
                     waiting.copies.push_back(workspace.take(delta.sizes()));
                     waiting.copies.back().tensor().copy_(delta);
                     waiting.records.push_back({use, waiting.copies.back().tensor(), gathered});
                     if (static_cast<int>(waiting.records.size()) == uses) {
                       on_block(waiting.records);
                       pending.erase(use.block);
                     }
                   });
}

at::Tensor unit_cotangents(std::int64_t n, std::int64_t d, const at::TensorOptions& options) {
  return at::eye(d, options).view({d, 1, d}).expand({d, n, d}).contiguous();
}

}  // namespace overparam::kernel
