// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/architecture.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::net {

namespace {

using Where = std::function<std::string()>;

/// How many columns a term sees of so many.
std::int64_t check_columns(const Columns& columns, std::int64_t width, const Where& where) {
  if (columns.all()) return width;
  base::require(columns.begin >= 0 && columns.size > 0 && columns.begin + columns.size <= width,
                ErrorKind::usage,
                "{}: columns {} to {} of {}",
                where(),
                columns.begin,
                columns.begin + columns.size,
                width);
  return columns.size;
}

/// Columns of Z for a source of this width.
std::int64_t gathered_columns(const Term& term,
                              std::int64_t positions,
                              std::int64_t source,
                              const Where& where) {
  if (term.gather == Gather::one) return 1;
  if (term.gather == Gather::identity) {
    base::require(source % positions == 0,
                  ErrorKind::usage,
                  "{}: {} features do not make {} equal rows",
                  where(),
                  source,
                  positions);
    return source / positions;
  }
  base::require(term.cells > 0 && source % term.cells == 0,
                ErrorKind::usage,
                "{}: {} features are not {} equal cells",
                where(),
                source,
                term.cells);
  const at::Tensor& table = term.neighbours;
  base::require(table.defined() && table.dim() == 2 && table.size(0) == positions &&
                    table.scalar_type() == at::kLong && table.is_contiguous() &&
                    table.min().item<std::int64_t>() >= 0 &&
                    table.max().item<std::int64_t>() < term.cells,
                ErrorKind::usage,
                "{}: the neighbours must be a table of {} rows of cells below {}",
                where(),
                positions,
                term.cells);
  return source / term.cells * table.size(1);
}

void validate_term(const Architecture& architecture, int layer, int index) {
  const auto& term =
      architecture.layers[static_cast<std::size_t>(layer)].terms[static_cast<std::size_t>(index)];
  const Where where = [&] {
    return fmt::format("network {}, layer {}, term {}", architecture.name, layer, index);
  };
  base::require(term.from >= kInput && term.from < layer,
                ErrorKind::usage,
                "{}: reads layer {}, expected an earlier one",
                where(),
                term.from);
  base::require(term.block >= kSkip && term.block < static_cast<int>(architecture.blocks.size()),
                ErrorKind::usage,
                "{}: there is no block {}",
                where(),
                term.block);
  const auto& shape = architecture.layers[static_cast<std::size_t>(layer)];
  const std::int64_t P = shape.positions;
  const std::int64_t source = check_columns(term.read, architecture.width_of(term.from), where);
  const std::int64_t target = check_columns(term.write, architecture.width_of(layer), where);
  base::require(P == 1 || term.write.all(),
                ErrorKind::usage,
                "{}: a term that writes some columns needs a layer of one position",
                where());
  if (term.block == kSkip) {
    base::require(source == target,
                  ErrorKind::usage,
                  "{}: a skip from width {} to width {}",
                  where(),
                  source,
                  target);
    return;
  }
  const std::int64_t columns = gathered_columns(term, P, source, where);
  const auto& block = architecture.blocks[static_cast<std::size_t>(term.block)];
  base::require(block.positions == 1 || block.positions == P,
                ErrorKind::usage,
                "{}: block {} has filters for {} positions, the layer has {}",
                where(),
                block.name,
                block.positions,
                P);
  const std::int64_t rows = target / P * block.positions;
  base::require(target % P == 0 && block.rows == rows && block.columns == columns,
                ErrorKind::usage,
                "{}: block {} is ({}, {}), expected ({}, {})",
                where(),
                block.name,
                block.rows,
                block.columns,
                rows,
                columns);
}

enum class Position { first, hidden, last, bias };

/// Where a block stands: it reads the input, it writes the output, it reads the constant 1, or none
/// of these.
Position position_of(const Architecture& architecture, int block) {
  for (int layer = 0; layer < architecture.num_layers(); ++layer) {
    for (const auto& term : architecture.layers[static_cast<std::size_t>(layer)].terms) {
      if (term.block != block) continue;
      if (term.gather == Gather::one) return Position::bias;
      if (term.from == kInput) return Position::first;
      if (layer + 1 == architecture.num_layers()) return Position::last;
    }
  }
  return Position::hidden;
}

}  // namespace

std::int64_t Architecture::width_of(int layer) const {
  if (layer == kInput) return input_size;
  const auto& shape = layers[static_cast<std::size_t>(layer)];
  if (shape.width > 0) return shape.width;
  for (const auto& term : shape.terms) {
    if (term.block == kSkip) continue;
    const auto& block = blocks[static_cast<std::size_t>(term.block)];
    return shape.positions * (block.rows / block.positions);
  }
  return shape.terms.empty() ? 0 : width_of(shape.terms.front().from);
}

std::int64_t Architecture::largest_width() const {
  std::int64_t width = 0;
  for (int layer = 0; layer < num_layers(); ++layer) width = std::max(width, width_of(layer));
  return width;
}

std::int64_t Architecture::num_outputs() const { return width_of(num_layers() - 1); }

void Architecture::validate() const {
  base::require(!layers.empty(), ErrorKind::usage, "network {}: it has no layers", name);
  base::require(input_size > 0,
                ErrorKind::usage,
                "network {}: the input size must be at least 1, found {}",
                name,
                input_size);
  for (const auto& block : blocks) {
    base::require(block.rows > 0 && block.columns > 0,
                  ErrorKind::usage,
                  "network {}: block {} has size ({}, {}), both must be at least 1",
                  name,
                  block.name,
                  block.rows,
                  block.columns);
  }
  for (int layer = 0; layer < num_layers(); ++layer) {
    const auto& terms = layers[static_cast<std::size_t>(layer)].terms;
    base::require(!terms.empty(), ErrorKind::usage, "network {}: layer {} is empty", name, layer);
    base::require(layers[static_cast<std::size_t>(layer)].positions >= 1,
                  ErrorKind::usage,
                  "network {}: layer {} has no position",
                  name,
                  layer);
    for (int term = 0; term < static_cast<int>(terms.size()); ++term) {
      validate_term(*this, layer, term);
    }
  }
}

std::int64_t Architecture::num_parameters() const {
  std::int64_t sum = 0;
  for (const auto& block : blocks) sum += block.rows * block.columns;
  return sum;
}

std::int64_t Architecture::num_trained_parameters() const {
  std::int64_t sum = 0;
  for (const auto& block : blocks) sum += block.trained ? block.rows * block.columns : 0;
  return sum;
}

int Architecture::uses_of(int block) const {
  int uses = 0;
  for (const auto& layer : layers) {
    for (const auto& term : layer.terms) uses += term.block == block ? 1 : 0;
  }
  return uses;
}

int Architecture::find_block(const std::string& block_name) const {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].name == block_name) return static_cast<int>(i);
  }
  return -1;
}

std::vector<int> Architecture::sign_layers() const {
  std::vector<int> result;
  for (int layer = 0; layer + 1 < num_layers(); ++layer) {
    if (layers[static_cast<std::size_t>(layer)].activation.has_sign_pattern)
      result.push_back(layer);
  }
  return result;
}

void select_trained(Architecture& architecture, const std::string& subset) {
  const auto count = static_cast<int>(architecture.blocks.size());
  const auto mark = [&](auto&& wanted) {
    for (int i = 0; i < count; ++i)
      architecture.blocks[static_cast<std::size_t>(i)].trained = wanted(i);
  };
  const auto stands = [&](Position position) {
    return [&architecture, position](int i) { return position_of(architecture, i) == position; };
  };

  if (subset == "hidden") {
    mark(stands(Position::hidden));
  } else if (subset == "first") {
    mark(stands(Position::first));
  } else if (subset == "last") {
    mark(stands(Position::last));
  } else if (subset == "all") {
    mark([](int) { return true; });
  } else {
    mark([](int) { return false; });
    std::vector<std::string> names{"hidden", "all", "first", "last"};
    for (const auto& block : architecture.blocks) names.push_back(block.name);
    for (const auto& part : base::split(subset, ',')) {
      const int block = architecture.find_block(part);
      base::require(block >= 0,
                    ErrorKind::usage,
                    "trained layers: the network {} has no block \"{}\"{}; it has {}",
                    architecture.name,
                    part,
                    base::did_you_mean(part, names),
                    base::join(names, ", "));
      architecture.blocks[static_cast<std::size_t>(block)].trained = true;
    }
  }
  base::require(architecture.num_trained_parameters() > 0,
                ErrorKind::usage,
                "trained layers: \"{}\" leaves nothing to train in the network {}",
                subset,
                architecture.name);
}

namespace {

void round_to_float(at::Tensor& values) {
  constexpr std::int64_t kGrain = 1 << 16;
  double* numbers = values.data_ptr<double>();
  at::parallel_for(0, values.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) numbers[i] = static_cast<float>(numbers[i]);
  });
}

}  // namespace

void draw_initial_block(const Architecture& architecture,
                        int block,
                        std::uint64_t seed,
                        at::Tensor& out) {
  const auto& shape = architecture.blocks[static_cast<std::size_t>(block)];
  const base::Stream stream(seed, shape.name);
  const double deviation = std::sqrt(shape.variance);
  at::Tensor drawn =
      out.device().is_cpu() ? out : at::empty(out.sizes(), out.options().device(at::kCPU));
  base::fill_normal(drawn, deviation, stream);
  if (shape.law == InitialLaw::signs) drawn.sign_().mul_(deviation);
  if (drawn.scalar_type() == at::kDouble) round_to_float(drawn);
  if (!drawn.is_same(out)) out.copy_(drawn);
}

}  // namespace overparam::net
