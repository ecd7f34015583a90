// SPDX-License-Identifier: Apache-2.0
#include "patches.hpp"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>

namespace overparam::net {

namespace {

/// Sizes that both directions share, and the loop over samples.
struct Geometry {
  std::int64_t samples, positions, reach, channels;
  std::int64_t source_stride;

  Geometry(const at::Tensor& source, const at::Tensor& neighbours, std::int64_t cells)
      : samples(source.size(0)),
        positions(neighbours.size(0)),
        reach(neighbours.size(1)),
        channels(source.size(1) / cells),
        source_stride(source.stride(0)) {}

  template <typename OnCell>
  void for_cells(const std::int64_t* cell, const OnCell& on_cell) const {
    at::parallel_for(0, samples, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        std::int64_t row = i * positions * reach;
        for (std::int64_t k = 0; k < positions * reach; ++k, ++row) {
          on_cell(row * channels, i * source_stride + cell[k] * channels);
        }
      }
    });
  }
};

}  // namespace

void cut_patches(const at::Tensor& source,
                 const at::Tensor& neighbours,
                 std::int64_t cells,
                 at::Tensor& rows) {
  const Geometry size(source, neighbours, cells);
  if (!source.device().is_cpu()) {
    rows.view({size.samples, size.positions * size.reach, size.channels})
        .copy_(source.view({size.samples, cells, size.channels})
                   .index_select(1, neighbours.view({-1}).to(source.device())));
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(source.scalar_type(), "cut_patches", [&] {
    const auto* from = source.data_ptr<scalar_t>();
    auto* to = rows.data_ptr<scalar_t>();
    size.for_cells(neighbours.data_ptr<std::int64_t>(), [&](std::int64_t row, std::int64_t cell) {
      std::copy_n(from + cell, size.channels, to + row);
    });
  });
}

void add_patches(const at::Tensor& rows,
                 const at::Tensor& neighbours,
                 std::int64_t cells,
                 at::Tensor& target) {
  const Geometry size(target, neighbours, cells);
  if (!target.device().is_cpu()) {
    target.view({size.samples, cells, size.channels})
        .index_add_(1,
                    neighbours.view({-1}).to(target.device()),
                    rows.view({size.samples, size.positions * size.reach, size.channels}));
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(target.scalar_type(), "add_patches", [&] {
    const auto* from = rows.data_ptr<scalar_t>();
    auto* to = target.data_ptr<scalar_t>();
    size.for_cells(neighbours.data_ptr<std::int64_t>(), [&](std::int64_t row, std::int64_t cell) {
      for (std::int64_t c = 0; c < size.channels; ++c) to[cell + c] += from[row + c];
    });
  });
}

}  // namespace overparam::net
