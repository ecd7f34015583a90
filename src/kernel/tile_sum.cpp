// SPDX-License-Identifier: Apache-2.0
#include "tile_sum.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "overparam/base/work_queue.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::kernel {

using linalg::multiply;
using linalg::Scratch;

namespace {

/// How the uses of one block become factors of products.
enum class Route {
  grams,      ///< <delta, delta'> <Z, Z'> over all pairs of rows that share the block
  positions,  ///< the same where every position has its own filter: only equal ones meet
  gradients,  ///< gradients of each sample, flat
};

/// The first layer that uses a block.
int layer_of(const net::Architecture& architecture, int block) {
  for (int layer = 0; layer < architecture.num_layers(); ++layer) {
    for (const auto& term : architecture.layers[static_cast<std::size_t>(layer)].terms) {
      if (term.block == block) return layer;
    }
  }
  return 0;
}

/// Positions of the layers that use a block.
std::int64_t positions_of(const net::Architecture& architecture, int block) {
  return architecture.layers[static_cast<std::size_t>(layer_of(architecture, block))].positions;
}

struct BlockCosts {
  double grams = 0;      ///< operations of one pair of samples
  double gradients = 0;  ///< the same by gradients
};

/// @param products of deltas that a pair of samples asks for: c^2, or c
BlockCosts costs_of(const net::Block& block,
                    std::int64_t positions,
                    std::int64_t uses,
                    double products) {
  const auto own = static_cast<double>(block.positions);
  const auto P = static_cast<double>(positions);
  const double met = block.positions > 1 ? P : P * P;  // pairs of rows
  const double channels = static_cast<double>(block.rows) / own;
  const auto columns = static_cast<double>(block.columns);
  const auto pairs = static_cast<double>(uses * uses);
  return {.grams = 2 * pairs * met * (products * (channels + 1) + columns),
          .gradients = 2 * products * static_cast<double>(block.rows) * columns};
}

Route route_of(const net::Block& block,
               std::int64_t positions,
               std::int64_t uses,
               double products) {
  const auto costs = costs_of(block, positions, uses, products);
  if (positions > 1 && costs.gradients < costs.grams) return Route::gradients;
  return block.positions > 1 ? Route::positions : Route::grams;
}

/// rows <- rows (I - v v^T)
void remove_along(const at::Tensor& v, at::Tensor rows, net::Workspace& workspace) {
  Scratch along = workspace.take({rows.size(0)});
  multiply(along.tensor(), rows, v);
  multiply(rows, along.tensor().unsqueeze(1), v.unsqueeze(0), -1, 1);
}

double products_of(std::int64_t cotangents, OutputBlock block) {
  const auto c = static_cast<double>(cotangents);
  return block == OutputBlock::full ? c * c : c;
}

}  // namespace

std::vector<int> trained_blocks(const net::Architecture& architecture) {
  std::vector<int> blocks;
  for (std::size_t k = 0; k < architecture.blocks.size(); ++k) {
    if (architecture.blocks[k].trained) blocks.push_back(static_cast<int>(k));
  }
  return blocks;
}

std::int64_t kept_numbers(const net::Architecture& architecture, std::int64_t cotangents) {
  std::int64_t largest = 0;
  std::int64_t shared = 0;
  for (const int k : trained_blocks(architecture)) {
    const auto& block = architecture.blocks[static_cast<std::size_t>(k)];
    const std::int64_t P = positions_of(architecture, k);
    const std::int64_t uses = architecture.uses_of(k);
    if (uses > 1) shared += uses * cotangents * P * block.rows;
    if (P == 1) continue;
    const auto route = route_of(block, P, uses, products_of(cotangents, OutputBlock::trace));
    const std::int64_t rows = P * block.columns;
    const std::int64_t gradients = cotangents * block.rows * block.columns;
    largest = std::max(largest, route == Route::gradients ? gradients + rows : rows);
  }
  return largest + shared;
}

double operations_of_passes(const net::Architecture& architecture, std::int64_t cotangents) {
  std::vector<bool> needed;  // per layer: it or one below it has a trained block
  double sum = 0;
  for (const auto& layer : architecture.layers) {
    bool trained = false;
    for (const auto& term : layer.terms) {
      const bool goes_down = term.from != net::kInput && term.gather != net::Gather::one &&
                             needed[static_cast<std::size_t>(term.from)];
      trained = trained || goes_down;
      if (term.block == net::kSkip) continue;
      const auto& block = architecture.blocks[static_cast<std::size_t>(term.block)];
      trained = trained || block.trained;
      const auto rows = static_cast<double>(layer.positions * block.rows / block.positions);
      sum += 2 * rows * static_cast<double>(block.columns) *
             static_cast<double>(1 + (goes_down ? cotangents : 0));
    }
    needed.push_back(trained);
  }
  return sum;
}

double operations_of_pair(const net::Architecture& architecture,
                          std::int64_t cotangents,
                          OutputBlock block) {
  double sum = 0;
  for (const int k : trained_blocks(architecture)) {
    const auto& shape = architecture.blocks[static_cast<std::size_t>(k)];
    const std::int64_t P = positions_of(architecture, k);
    const std::int64_t uses = architecture.uses_of(k);
    const bool summed = block == OutputBlock::trace && uses == 1 &&
                        only_read_out(architecture, layer_of(architecture, k));
    const double products = summed ? 1 : products_of(cotangents, block);
    const auto costs = costs_of(shape, P, uses, products);
    const bool flat = route_of(shape, P, uses, products) == Route::gradients;
    sum += flat ? costs.gradients : costs.grams;
  }
  return sum;
}

/// Rows of one side.
struct TileSum::Factors {
  at::Tensor deltas;    // (c, n, P, channels)
  at::Tensor features;  // (n, P, columns), undefined for gradients
  Route route = Route::grams;

  [[nodiscard]] std::int64_t positions() const { return deltas.size(2); }
  [[nodiscard]] Factors samples(std::int64_t begin, std::int64_t size) const {
    return {deltas.narrow(1, begin, size),
            features.defined() ? features.narrow(0, begin, size) : features,
            route};
  }
};

/// Samples of both sides whose products are taken at once.
struct TileSum::Piece {
  std::int64_t row;
  std::int64_t rows;
  std::int64_t column;
  std::int64_t columns;
  bool on_diagonal;  ///< of a symmetric tile
};

TileSum::TileSum(const Shape& shape, std::int64_t cotangents, const KernelOptions& options)
    : shape_(shape), c_(cotangents), options_(options) {}

bool TileSum::add(const net::Block& block,
                  std::span<const UseRecord> uses,
                  std::int64_t part,
                  net::Workspace& workspace) {
  while (std::ssize(sums_) <= part) {
    const auto options = uses.front().delta.options().dtype(at::kDouble);
    switch (options_.block) {
      case OutputBlock::full:
        sums_.push_back(at::zeros({c_, shape_.rows, c_, shape_.columns}, options));
        break;
      case OutputBlock::diagonal:
        sums_.push_back(at::zeros({c_, shape_.rows, shape_.columns}, options));
        break;
      default:
        sums_.push_back(at::zeros({shape_.rows, shape_.columns}, options));
    }
  }
  at::Tensor& sum = sums_[static_cast<std::size_t>(part)];
  const auto index = static_cast<std::size_t>(uses.front().use.block);
  const at::Tensor without =
      index < options_.without.size() ? options_.without[index] : at::Tensor();  // (columns)
  const std::int64_t n = shape_.rows + (shape_.symmetric ? 0 : shape_.columns);
  const auto left_of = [&](const Factors& all) { return all.samples(0, shape_.rows); };
  const auto right_of = [&](const Factors& all) {
    return shape_.symmetric ? all : all.samples(shape_.rows, shape_.columns);
  };
  const std::int64_t P = uses.front().use.positions;
  const auto route = route_of(block, P, std::ssize(uses), products_of(c_, options_.block));
  if (route == Route::gradients) {
    Scratch gradients = workspace.take({c_, n, block.rows * block.columns});
    sample_gradients(block, uses, workspace, gradients.tensor());
    if (without.defined()) {
      remove_along(without, gradients.tensor().view({-1, block.columns}), workspace);
    }
    const Factors all{gradients.tensor().unsqueeze(2), {}, route};
    return add_products(left_of(all), right_of(all), 1, sum);
  }
  std::vector<Scratch> spaces(uses.size());
  std::vector<Factors> factors;
  for (std::size_t k = 0; k < uses.size(); ++k) {
    at::Tensor z = uses[k].gathered.rows(workspace, spaces[k]);
    if (without.defined()) {
      Scratch copy = workspace.take(z.sizes());
      copy.tensor().copy_(z);
      spaces[k] = std::move(copy);
      z = spaces[k].tensor();
      remove_along(without, z, workspace);
    }
    factors.push_back(
        {uses[k].delta.reshape({uses[k].delta.size(0), n, P, -1}), z.view({n, P, -1}), route});
  }
  for (std::size_t k = 0; k < uses.size(); ++k) {
    for (std::size_t l = 0; l < uses.size(); ++l) {
      const double gain = uses[k].use.gain * uses[l].use.gain;
      if (!add_products(left_of(factors[k]), right_of(factors[l]), gain, sum)) return false;
    }
  }
  return true;
}

/// Small enough to leave pieces for every thread, large enough for products to run at their full
/// rate: with 2,048 columns and one thread 55, 70 and 79 GFLOP/s at 128, 256 and 512 samples.
std::int64_t TileSum::samples_in_piece(const Factors& factors) const {
  constexpr std::int64_t kPiecesOfThread = 3;
  const std::int64_t n = std::max(shape_.rows, shape_.columns);
  const std::int64_t rows = factors.route == Route::grams ? factors.positions() : 1;
  if (options_.block == OutputBlock::full && c_ * n * rows <= 512) return n;
  const std::int64_t pairs = shape_.rows * shape_.columns / (shape_.symmetric ? 2 : 1);
  std::int64_t wanted = 512;
  while (wanted > 128 && pairs < kPiecesOfThread * at::get_num_threads() * wanted * wanted) {
    wanted /= 2;
  }
  return std::max<std::int64_t>(1, wanted / rows);
}

/// Of a symmetric tile the upper half.
std::vector<TileSum::Piece> TileSum::pieces_of(std::int64_t step) const {
  std::vector<Piece> pieces;
  for (std::int64_t i = 0; i < shape_.rows; i += step) {
    const std::int64_t rows = std::min(step, shape_.rows - i);
    for (std::int64_t j = shape_.symmetric ? i + step : 0; j < shape_.columns; j += step) {
      pieces.push_back({i, rows, j, std::min(step, shape_.columns - j), false});
    }
  }
  for (std::int64_t i = 0; shape_.symmetric && i < shape_.rows; i += step) {
    split_diagonal(i, std::min(step, shape_.rows - i), pieces);
  }
  return pieces;
}

/// A square on the diagonal: what is above it, and squares so small that their other half is
/// cheaper than smaller products.
void TileSum::split_diagonal(std::int64_t begin,
                             std::int64_t size,
                             std::vector<Piece>& pieces) const {
  constexpr std::int64_t kSmallest = 256;
  if (size <= kSmallest) {
    pieces.push_back({begin, size, begin, size, true});
    return;
  }
  const std::int64_t half = size / 2;
  pieces.push_back({begin, half, begin + half, size - half, false});
  split_diagonal(begin, half, pieces);
  split_diagonal(begin + half, size - half, pieces);
}

bool TileSum::add_products(const Factors& left,
                           const Factors& right,
                           double gain,
                           at::Tensor& sum) {
  std::vector<base::WorkItem> items;
  for (const Piece& piece : pieces_of(samples_in_piece(left))) {
    items.push_back({"products", 0, [&, piece] {
                       const linalg::CoarseProducts coarse(options_.coarse);
                       add_piece(left, right, gain, piece, sum);
                     }});
  }
  const bool on_cpu = sum.device().is_cpu();
  const auto summary = base::WorkQueue({.threads = on_cpu ? 0 : 1}).run(items);
  summary.rethrow();
  return summary.skipped == 0;
}

at::Tensor TileSum::block_of(at::Tensor& sum, std::int64_t a, std::int64_t b) const {
  if (options_.block == OutputBlock::full) return sum.select(0, a).select(1, b);
  return options_.block == OutputBlock::diagonal ? sum.select(0, a) : sum;
}

/// Factors of one piece as matrices with a row for each sample and position: at one position, or
/// all of them side by side.
struct TileSum::Term {
  at::Tensor products;  // room for those of two deltas, (rows P, columns P)
  std::int64_t positions;
  double gain;
  at::Tensor left = {};      // deltas (c, rows P, channels)
  at::Tensor right = {};     // deltas (c, columns P, channels)
  at::Tensor overlaps = {};  // of the features (rows P, columns P), undefined for gradients

  /// products = left_a right_b^T + beta * products
  void multiply_pair(std::int64_t a, std::int64_t b, double beta = 0) {
    multiply(products, left[a], right[b].t(), 1, beta);
  }

  /// out (rows, columns) += gain * products * overlaps, summed over positions.
  void add_to(at::Tensor out) {
    if (!overlaps.defined()) {
      out.add_(products, gain);
    } else if (positions == 1) {
      out.addcmul_(products.to(at::kDouble), overlaps, gain);
    } else {
      products.mul_(overlaps);
      const std::int64_t P = positions;
      const at::Tensor pairs = products.view({products.size(0) / P, P, products.size(1) / P, P})
                                   .sum({1, 3}, false, at::kDouble);
      out.add_(pairs, gain);
    }
  }
};

void TileSum::add_piece(const Factors& left,
                        const Factors& right,
                        double gain,
                        const Piece& piece,
                        at::Tensor& sum) const {
  const Factors rows = left.samples(piece.row, piece.rows);
  const Factors columns = right.samples(piece.column, piece.columns);
  const bool by_position = left.route == Route::positions;
  const std::int64_t times = by_position ? left.positions() : 1;
  const std::int64_t P = by_position ? 1 : left.positions();
  // (..., n, P, numbers) to (..., n P, numbers)
  const auto matrix = [&](const at::Tensor& of, std::int64_t p) {
    return by_position ? of.select(-2, p) : of.flatten(-3, -2);
  };
  Term term{.products = at::empty({piece.rows * P, piece.columns * P}, left.deltas.options()),
            .positions = P,
            .gain = options_.block == OutputBlock::trace ? gain / static_cast<double>(c_) : gain};
  for (std::int64_t p = 0; p < times; ++p) {
    term.left = matrix(rows.deltas, p);
    term.right = matrix(columns.deltas, p);
    if (rows.features.defined()) {
      term.overlaps = at::empty_like(term.products);
      multiply(term.overlaps, matrix(rows.features, p), matrix(columns.features, p).t());
      if (P == 1) term.overlaps = term.overlaps.to(at::kDouble);
    }
    switch (options_.block) {
      case OutputBlock::full:
        if (left.positions() == 1 && is_whole(piece)) {
          add_all_pairs(term, sum);
        } else {
          add_pairs(term, piece, sum);
        }
        break;
      case OutputBlock::diagonal:
        for (std::int64_t a = 0; a < c_; ++a) {
          term.multiply_pair(a, a);
          term.add_to(part_of(block_of(sum, a, a), piece));
        }
        break;
      default:
        for (std::int64_t a = 0; a < term.left.size(0); ++a) {
          term.multiply_pair(a, a, a == 0 ? 0 : 1);
        }
        term.add_to(part_of(sum, piece));
    }
  }
}

/// Whether a piece is the whole tile, and the tile small enough for one product of all outputs.
bool TileSum::is_whole(const Piece& piece) const {
  return piece.rows == shape_.rows && piece.columns == shape_.columns &&
         c_ * std::max(piece.rows, piece.columns) <= 512;
}

/// All pairs of outputs in one product.
void TileSum::add_all_pairs(const Term& term, at::Tensor& sum) const {
  const std::int64_t rows = shape_.rows;
  const std::int64_t columns = shape_.columns;
  at::Tensor all = at::empty({c_ * rows, c_ * columns}, term.products.options());
  multiply(all, term.left.flatten(0, 1), term.right.flatten(0, 1).t());
  const at::Tensor pairs = all.view({c_, rows, c_, columns});
  if (term.overlaps.defined()) {
    sum.addcmul_(pairs.to(at::kDouble), term.overlaps.view({1, rows, 1, columns}), term.gain);
  } else {
    sum.add_(pairs, term.gain);
  }
}

/// A product for each pair of outputs, or of each two that mirror each other, (a, b) and (b, a).
void TileSum::add_pairs(Term& term, const Piece& piece, at::Tensor& sum) const {
  for (std::int64_t a = 0; a < c_; ++a) {
    for (std::int64_t b = piece.on_diagonal ? a : 0; b < c_; ++b) {
      term.multiply_pair(a, b);
      if (!piece.on_diagonal || a == b) {
        term.add_to(part_of(block_of(sum, a, b), piece));
        continue;
      }
      at::Tensor block = at::zeros({piece.rows, piece.columns}, sum.options());
      term.add_to(block);
      part_of(block_of(sum, a, b), piece).add_(block);
      // K of the uses in the other order, transposed.
      part_of(block_of(sum, b, a), piece).add_(block.t());
    }
  }
}

at::Tensor TileSum::part_of(const at::Tensor& block, const Piece& piece) {
  return block.narrow(0, piece.row, piece.rows).narrow(1, piece.column, piece.columns);
}

/// Pieces below the diagonal, from those above it: sum[(a,i),(b,j)] = sum[(b,j),(a,i)] for i > j.
void TileSum::fill_lower(at::Tensor& sum) const {
  constexpr std::int64_t kStep = 256;
  const auto copy = [&](at::Tensor to, const at::Tensor& from) {
    const std::int64_t n = to.size(0);
    for (std::int64_t i = 0; i < n; i += kStep) {
      const std::int64_t rows = std::min(kStep, n - i);
      for (std::int64_t j = 0; j <= i; j += kStep) {
        const std::int64_t columns = std::min(kStep, n - j);
        at::Tensor target = to.narrow(0, i, rows).narrow(1, j, columns);
        const at::Tensor source = from.narrow(0, j, columns).narrow(1, i, rows).t();
        if (i != j) {
          target.copy_(source);
        } else {
          target.copy_(source.tril(-1) + target.triu());
        }
      }
    }
  };
  const std::int64_t outputs =
      options_.block == OutputBlock::full || options_.block == OutputBlock::diagonal ? c_ : 1;
  for (std::int64_t a = 0; a < outputs; ++a) {
    const bool all = options_.block == OutputBlock::full;
    for (std::int64_t b = all ? 0 : a; b < (all ? outputs : a + 1); ++b) {
      copy(block_of(sum, a, b), block_of(sum, b, a));
    }
  }
}

void TileSum::write(std::int64_t row, std::int64_t column, bool mirrored, at::Tensor& kernel) {
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    at::Tensor& sum = sums_[k];
    if (shape_.symmetric) fill_lower(sum);
    at::Tensor all = options_.parts ? kernel.select(0, static_cast<std::int64_t>(k)) : kernel;
    const bool full = options_.block == OutputBlock::full;
    const std::int64_t first = all.dim() - 2;
    if (full) all = all.view({all.size(0) / c_, c_, all.size(1) / c_, c_});  // (n, d, n', d)
    const at::Tensor tile = full ? sum.permute({1, 0, 3, 2}) : sum;
    const auto place =
        [&](std::int64_t i, std::int64_t rows, std::int64_t j, std::int64_t columns) {
          return full ? all.narrow(0, i, rows).narrow(2, j, columns)
                      : all.narrow(first, i, rows).narrow(first + 1, j, columns);
        };
    place(row, shape_.rows, column, shape_.columns).copy_(tile);
    if (!mirrored || shape_.symmetric) continue;
    place(column, shape_.columns, row, shape_.rows)
        .copy_(full ? tile.permute({2, 3, 0, 1}) : tile.transpose(-2, -1));
  }
}

}  // namespace overparam::kernel
