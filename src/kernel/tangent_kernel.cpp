// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/tangent_kernel.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/interrupt.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"
#include "tile_sum.hpp"
#include "uses.hpp"

namespace overparam::kernel {

using net::Network;

namespace {

/// A run of samples.
struct Range {
  std::int64_t begin;
  std::int64_t size;
};

std::vector<Range> ranges_of(std::int64_t n, std::int64_t at_once) {
  std::vector<Range> ranges;
  for (std::int64_t begin = 0; begin < n; begin += at_once) {
    ranges.push_back({begin, std::min(at_once, n - begin)});
  }
  return ranges;
}

/// c of d outputs
std::int64_t num_cotangents(std::int64_t d, const KernelOptions& options) {
  if (options.block == OutputBlock::single) return 1;
  const bool fewer = options.block == OutputBlock::trace && options.outputs > 0;
  return fewer ? std::min(options.outputs, d) : d;
}

/// Cotangents of the outputs in question, (c, n, d).
at::Tensor cotangents_of(const net::Tape& tape, const KernelOptions& options) {
  const at::Tensor all = net::unit_cotangents(tape);
  const std::int64_t first = options.block == OutputBlock::single ? options.output : 0;
  return all.narrow(0, first, num_cotangents(all.size(0), options));
}

std::vector<std::int64_t> sizes_of(const net::Architecture& architecture,
                                   std::int64_t rows,
                                   std::int64_t columns,
                                   const KernelOptions& options) {
  const std::int64_t d = architecture.num_outputs();
  std::vector<std::int64_t> sizes;
  if (options.parts) sizes.push_back(std::ssize(trained_blocks(architecture)));
  if (options.block == OutputBlock::diagonal) sizes.push_back(d);
  const std::int64_t each = options.block == OutputBlock::full ? d : 1;
  sizes.insert(sizes.end(), {rows * each, columns * each});
  return sizes;
}

/// What a tile of two sides of `at_once` samples holds.
base::MemoryPlan memory_of(const net::Architecture& architecture,
                           std::int64_t samples,
                           const std::vector<std::int64_t>& tile,
                           const std::vector<std::int64_t>& result,
                           const KernelOptions& options,
                           std::uint64_t bytes_each,
                           bool in_memory) {
  const std::int64_t c = num_cotangents(architecture.num_outputs(), options);
  base::MemoryPlan plan("tangent kernel");
  if (in_memory) plan.add("kernel", result, c10::elementSize(options.type));
  plan.add("a tile of it in float64", tile, sizeof(double));
  plan.add("cotangents of two layers", {2, c, samples, architecture.largest_width()}, bytes_each);
  if (options.block == OutputBlock::trace) {
    plan.add("cotangents summed over outputs", {samples, architecture.largest_width()}, bytes_each);
  }
  std::int64_t features = architecture.input_size;
  for (int l = 0; l < architecture.num_layers(); ++l) features += architecture.width_of(l);
  plan.add("features", {samples, features}, bytes_each);
  plan.add("rows of convolutions and shared blocks",
           {samples, kept_numbers(architecture, c)},
           bytes_each);
  if (options.coarse) {
    const std::int64_t widest = architecture.largest_width();
    plan.add("factors in bfloat16", {c * samples + widest, widest}, 2);
  }
  // One more than there are threads: the allocator keeps blocks of this size for a while.
  plan.add("products in hand", {at::get_num_threads() + 1, kProductNumbers}, 2 * sizeof(double));
  return plan;
}

}  // namespace

KernelPlan plan_kernel(const net::Architecture& architecture,
                       std::int64_t n,
                       std::int64_t others,
                       const KernelOptions& options,
                       std::uint64_t bytes_each,
                       bool in_memory) {
  const bool symmetric = others == 0;
  const std::int64_t columns = symmetric ? n : others;
  base::require(n > 0, ErrorKind::data, "tangent kernel: there are no samples");
  base::require(options.block != OutputBlock::single ||
                    (options.output >= 0 && options.output < architecture.num_outputs()),
                ErrorKind::usage,
                "tangent kernel: there is no output {} among {}",
                options.output,
                architecture.num_outputs());
  KernelPlan plan;
  plan.sizes = sizes_of(architecture, n, columns, options);
  const std::int64_t longest = std::max(n, columns);
  // The fewest pieces that fit: each halves what a tile holds, and adds to what is computed again.
  for (std::int64_t pieces = 1;; ++pieces) {
    plan.samples_at_once = (longest + pieces - 1) / pieces;
    const auto rows = std::min(n, plan.samples_at_once);
    const auto right = std::min(columns, plan.samples_at_once);
    const bool one_side = symmetric && pieces == 1;
    plan.memory = memory_of(architecture,
                            one_side ? rows : rows + right,
                            sizes_of(architecture, rows, right, options),
                            plan.sizes,
                            options,
                            bytes_each,
                            in_memory);
    if (plan.memory.fits(options.memory_limit) || plan.samples_at_once == 1) break;
    // No use in trying every size down to one.
    if (pieces >= 64) pieces += pieces / 8;
  }
  const auto left = std::ssize(ranges_of(n, plan.samples_at_once));
  const auto right = std::ssize(ranges_of(columns, plan.samples_at_once));
  plan.tiles = symmetric ? left * (left + 1) / 2 : left * right;
  const std::int64_t c = num_cotangents(architecture.num_outputs(), options);
  const double passes = symmetric ? static_cast<double>(left) : static_cast<double>(left + right);
  const auto samples = static_cast<double>(symmetric ? n : n + columns);
  const double pairs = symmetric ? static_cast<double>(n) * static_cast<double>(n + 1) / 2
                                 : static_cast<double>(n) * static_cast<double>(columns);
  const double again = symmetric ? passes : 2 * static_cast<double>(left * right) / passes;
  plan.operations = samples * again * operations_of_passes(architecture, c) +
                    pairs * operations_of_pair(architecture, c, options.block);
  return plan;
}

namespace {

/// The tiles of one kernel, one after another.
class Filler {
 public:
  Filler(const Network& network,
         const at::Tensor& inputs,
         const at::Tensor* others,
         const KernelOptions& options,
         at::Tensor& out)
      : network_(network),
        inputs_(inputs),
        others_(others),
        options_(options),
        out_(out),
        workspace_(network.options()) {}

  bool fill(const KernelPlan& plan, const TileLog& log) {
    const auto rows = ranges_of(inputs_.size(0), plan.samples_at_once);
    const auto columns =
        others_ == nullptr ? rows : ranges_of(others_->size(0), plan.samples_at_once);
    std::int64_t tile = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t j = others_ == nullptr ? i : 0; j < columns.size(); ++j, ++tile) {
        if (log.is_done && log.is_done(tile)) continue;
        if (base::interrupted() || !fill_tile(rows[i], columns[j])) return false;
        if (log.finish) log.finish(tile);
        if (options_.on_tile) options_.on_tile(tile + 1, plan.tiles);
      }
    }
    return true;
  }

 private:
  /// One backward pass over the samples of both sides, a product of Grams for each block.
  bool fill_tile(const Range& row, const Range& column) {
    const bool symmetric = others_ == nullptr && row.begin == column.begin;
    at::Tensor samples = inputs_.narrow(0, row.begin, row.size);
    if (!symmetric) {
      const at::Tensor& right = others_ == nullptr ? inputs_ : *others_;
      samples = at::cat({samples, right.narrow(0, column.begin, column.size)});
    }
    const net::Tape tape = network_.record(samples, workspace_);
    const at::Tensor cotangents = cotangents_of(tape, options_);
    TileSum sum({.rows = row.size, .columns = column.size, .symmetric = symmetric},
                cotangents.size(0),
                options_);
    bool going = true;
    const linalg::CoarseProducts coarse(options_.coarse);
    backward_by_block(network_, tape, cotangents, workspace_, [&](std::span<const UseRecord> uses) {
      const auto& architecture = network_.architecture();
      const auto& block = architecture.blocks[static_cast<std::size_t>(uses.front().use.block)];
      if (!going) return;
      const bool sums = options_.block == OutputBlock::trace && uses.size() == 1;
      const auto read_out =
          sums ? only_read_out(architecture, uses.front().use.layer) : std::nullopt;
      if (!read_out) {
        going = sum.add(block, uses, part_of(block), workspace_);
        return;
      }
      auto deltas = deltas_over_outputs(network_, tape, *read_out, workspace_);
      if (cotangents.size(0) < architecture.num_outputs()) {
        const auto d = static_cast<double>(architecture.num_outputs());
        deltas.tensor().mul_(std::sqrt(static_cast<double>(cotangents.size(0)) / d));
      }
      const UseRecord summed{uses.front().use, deltas.tensor().unsqueeze(0), uses.front().gathered};
      going = sum.add(block, {&summed, 1}, part_of(block), workspace_);
    });
    if (!going) return false;
    sum.write(row.begin, column.begin, others_ == nullptr, out_);
    return true;
  }

  /// Where the block's own kernel goes.
  [[nodiscard]] std::int64_t part_of(const net::Block& block) const {
    if (!options_.parts) return 0;
    const auto blocks = trained_blocks(network_.architecture());
    const auto& all = network_.architecture().blocks;
    const auto found = std::ranges::find_if(
        blocks, [&](int k) { return &all[static_cast<std::size_t>(k)] == &block; });
    return found - blocks.begin();
  }

  const Network& network_;
  const at::Tensor& inputs_;
  const at::Tensor* others_;
  const KernelOptions& options_;
  at::Tensor& out_;
  net::Workspace workspace_;
};

at::Tensor make_kernel(const Network& network,
                       const at::Tensor& inputs,
                       const at::Tensor* others,
                       const KernelOptions& options) {
  const auto plan = plan_kernel(network.architecture(),
                                inputs.size(0),
                                others == nullptr ? 0 : others->size(0),
                                options,
                                network.options().dtype().itemsize());
  plan.memory.check(options.memory_limit);
  at::Tensor out = at::empty(plan.sizes, network.options().dtype(options.type));
  const bool done = Filler(network, inputs, others, options, out).fill(plan, {});
  base::require(done, ErrorKind::usage, "tangent kernel: interrupted");
  return out;
}

}  // namespace

at::Tensor empirical_kernel(const Network& network,
                            const at::Tensor& inputs,
                            const KernelOptions& options) {
  return make_kernel(network, inputs, nullptr, options);
}

at::Tensor empirical_kernel(const Network& network,
                            const at::Tensor& inputs,
                            const at::Tensor& others,
                            const KernelOptions& options) {
  return make_kernel(network, inputs, &others, options);
}

bool fill_kernel(const Network& network,
                 const at::Tensor& inputs,
                 const KernelOptions& options,
                 const KernelPlan& plan,
                 const TileLog& log,
                 at::Tensor& out) {
  plan.memory.check(options.memory_limit);
  return Filler(network, inputs, nullptr, options, out).fill(plan, log);
}

at::Tensor tangent_kernel(const Network& network,
                          const at::Tensor& inputs,
                          std::uint64_t memory_limit) {
  return empirical_kernel(network, inputs, {.memory_limit = memory_limit});
}

}  // namespace overparam::kernel
