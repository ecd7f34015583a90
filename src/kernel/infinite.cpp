// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/infinite.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "angle_table.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/work_queue.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/catalogue.hpp"
#include "pair_arrays.hpp"
#include "pair_evaluator.hpp"
#include "stream_limit.hpp"

namespace overparam::kernel {

namespace {

constexpr int kIntervals = 32;
constexpr std::int64_t kTileRows = 256;
constexpr std::int64_t kTileColumns = 512;

/// One data set, ready for pairs with another.
struct Side {
  at::Tensor inputs;  // (n, dx) float64
  at::Tensor norms;   // (n) float64
  at::Tensor units;   // (n, dx), in the kernel's type
  at::Tensor signs;   // (dx, n) int8 where cells are single numbers
  SampleNorms cells;

  [[nodiscard]] std::int64_t size() const { return inputs.size(0); }
};

double scale_of(const net::Architecture& architecture) {
  const auto d = static_cast<double>(architecture.num_outputs());
  const auto& hidden = architecture.layers[architecture.layers.size() - 2];
  const auto index = static_cast<std::size_t>(hidden.terms.back().block);
  const auto& block = architecture.blocks[index];
  if (architecture.name == "fc") return static_cast<double>(block.rows) / (2 * d);
  if (architecture.name == "resnet") return static_cast<double>(block.rows) / d;
  if (architecture.name != "cnn") return 1;
  const auto& first = architecture.layers.front();
  return static_cast<double>(architecture.width_of(0) / first.positions) / d;
}

/// 1 - cos
double gap_of(double angle) { return 2 * std::sin(angle / 2) * std::sin(angle / 2); }

/// A function of the angle between two inputs, in place of the recursion for each pair.
struct Table {
  std::vector<double> series;
  bool scales_with_norms = true;  ///< it is that of unit inputs
};

}  // namespace

struct InfiniteKernel::State {
  net::Architecture architecture;
  InfiniteOptions options;
  LimitProgram program;
  LimitQuantity quantity = LimitQuantity::tangent;
  double scale = 1;
  std::string method = "closed form";
  double standard_error = 0;
  std::optional<Table> of_stream;  ///< of a residual network

  void choose_quantity();
  void tabulate_stream();
  [[nodiscard]] double at_angle(double angle, double norm) const;
  [[nodiscard]] std::optional<Table> table_for(const Side& left, const Side& right) const;
  [[nodiscard]] base::MemoryPlan plan(std::int64_t n, std::int64_t others, bool in_memory) const;
  [[nodiscard]] Side prepare(const at::Tensor& inputs) const;
  template <typename Real>
  void fill_tile(const Side& left,
                 const Side& right,
                 const Table* table,
                 std::int64_t row,
                 std::int64_t column,
                 at::Tensor& out) const;
  bool fill(const at::Tensor& inputs, const at::Tensor* others, at::Tensor& out) const;
  [[nodiscard]] at::Tensor make(const at::Tensor& inputs, const at::Tensor* others) const;
};

void InfiniteKernel::State::choose_quantity() {
  bool below = false;
  bool read_out = false;
  for (std::size_t k = 0; k < program.trained.size(); ++k) {
    if (program.trained[k]) (program.read_outs[k] ? read_out : below) = true;
  }
  if (options.conjugate) {
    quantity = LimitQuantity::conjugate;
    return;
  }
  base::require(below || read_out,
                ErrorKind::usage,
                "infinite kernel: no block of the network {} is trained",
                architecture.name);
  quantity = below ? LimitQuantity::tangent : LimitQuantity::read_out;
  if (below) scale = scale_of(architecture);
}

void InfiniteKernel::State::tabulate_stream() {
  const auto member = quantity == LimitQuantity::tangent    ? &LimitValues::tangent
                      : quantity == LimitQuantity::read_out ? &LimitValues::read_out
                                                            : &LimitValues::conjugate;
  const auto angles = AngleTable::nodes(kIntervals);
  std::vector<double> gaps;
  for (const double angle : angles) gaps.push_back(gap_of(angle));
  const auto found = stream_limits(program, gaps, options.particles, options.seed);
  std::vector<double> values;
  for (const auto& estimate : found) {
    values.push_back(estimate.mean.*member);
    standard_error = std::fmax(standard_error,
                               estimate.standard_error.*member / std::abs(found[0].mean.*member));
  }
  of_stream = Table{AngleTable(values).series()};
  method = fmt::format("{} particles at {} angles, standard error {:.1e} of the diagonal",
                       options.particles,
                       angles.size(),
                       standard_error);
}

/// K, unscaled, of two inputs of one norm.
double InfiniteKernel::State::at_angle(double angle, double norm) const {
  if (of_stream) return norm * norm * AngleTable::sum(of_stream->series, angle);
  const at::Tensor one = at::full({1, 1}, norm, at::kDouble);
  const SampleNorms cells = sample_norms(program, one, at::kDouble);
  PairEvaluator<double> evaluator(program, cells, cells, 1);
  *evaluator.input_gaps(0) = gap_of(angle);
  double value = 0;
  evaluator.evaluate(quantity, 0, 0, 1, &value);
  return value;
}

/// Quadrature at a few angles serves all pairs where all inputs have one norm.
std::optional<Table> InfiniteKernel::State::table_for(const Side& left, const Side& right) const {
  constexpr double kEqualNorms = 1e-6;
  if (of_stream || !program.needs_quadrature() || program.input_cells > 1) return of_stream;
  const double norm = left.norms[0].item<double>();
  for (const Side* side : {&left, &right}) {
    const double away = (side->norms - norm).abs().max().item<double>();
    if (away > kEqualNorms * norm) return std::nullopt;
  }
  std::vector<double> values;
  for (const double angle : AngleTable::nodes(2 * kIntervals)) {
    values.push_back(at_angle(angle, norm));
  }
  return Table{AngleTable(values).series(), false};
}

base::MemoryPlan InfiniteKernel::State::plan(std::int64_t n,
                                             std::int64_t others,
                                             bool in_memory) const {
  const std::int64_t columns = others > 0 ? others : n;
  const std::int64_t samples = n + others;
  base::MemoryPlan plan("infinite kernel");
  if (in_memory) plan.add("kernel", {n, columns}, c10::elementSize(options.type));
  plan.add("inputs in float64, twice", {2, samples, architecture.input_size}, sizeof(double));
  // Three a cell are kept, after all of them and their squares were made in float64.
  if (!of_stream) {
    plan.add("norms of cells", {4, samples, program.total_cells()}, sizeof(double));
  }
  plan.add("tiles",
           {at::get_num_threads(), std::min(n, kTileRows), std::min(columns, kTileColumns)},
           c10::elementSize(options.type));
  return plan;
}

Side InfiniteKernel::State::prepare(const at::Tensor& inputs) const {
  base::require(inputs.dim() == 2 && inputs.size(1) == architecture.input_size,
                ErrorKind::usage,
                "infinite kernel of {}: inputs must be (n, {}), found {} columns",
                architecture.name,
                architecture.input_size,
                inputs.dim() == 2 ? inputs.size(1) : -1);
  Side side{.inputs = inputs.to(at::kCPU, at::kDouble).contiguous()};
  side.norms = side.inputs.norm(2, 1);
  base::require(side.size() > 0 && side.norms.min().item<double>() > 0,
                ErrorKind::data,
                "infinite kernel: sample {} is zero, its angle to the others is not defined",
                side.size() > 0 ? side.norms.argmin().item<std::int64_t>() : 0);
  if (program.input_cells > 1) {
    side.signs = side.inputs.t().sign().to(at::kChar).contiguous();
  } else {
    side.units = (side.inputs / side.norms.view({-1, 1})).to(options.type).contiguous();
  }
  if (!of_stream) side.cells = sample_norms(program, side.inputs, options.type);
  return side;
}

namespace {

/// 1 - cos of row i with rows begin.. of the other side, from their cosines. Cosines close to 1
/// keep too few digits of the difference; differences keep them all.
template <typename Real>
void fill_gaps(const Side& left,
               const Side& right,
               std::int64_t i,
               std::int64_t begin,
               std::int64_t pairs,
               const Real* cosines,
               Real* gaps) {
  const auto near = static_cast<Real>(sizeof(Real) == sizeof(double) ? 1e-4 : 1e-2);
  const std::int64_t columns = left.inputs.size(1);
  const double* unit = left.inputs.data_ptr<double>() + i * columns;
  const double norm = left.norms.data_ptr<double>()[i];
  for (std::int64_t j = 0; j < pairs; ++j) {
    gaps[j] = 1 - cosines[j];
    if (gaps[j] >= near) continue;
    const double* other = right.inputs.data_ptr<double>() + (begin + j) * columns;
    const double other_norm = right.norms.data_ptr<double>()[begin + j];
    double squared = 0;
    for (std::int64_t k = 0; k < columns; ++k) {
      const double difference = unit[k] / norm - other[k] / other_norm;
      squared += difference * difference;
    }
    gaps[j] = static_cast<Real>(squared / 2);
  }
}

/// Single numbers agree in sign, gap 0, or do not, gap 2.
template <typename Real>
void fill_sign_gaps(const Side& left,
                    const Side& right,
                    std::int64_t cell,
                    std::int64_t i,
                    std::int64_t begin,
                    std::int64_t pairs,
                    Real* gaps) {
  const auto sign = left.signs.data_ptr<signed char>()[cell * left.size() + i];
  const auto* others = right.signs.data_ptr<signed char>() + cell * right.size() + begin;
  for (std::int64_t j = 0; j < pairs; ++j) gaps[j] = sign * others[j] < 0 ? Real{2} : Real{0};
}

/// out(column.., row..) = tile(row.., column..)^T, in blocks that fit the cache's lines.
template <typename Real>
void mirror(const at::Tensor& tile, std::int64_t row, std::int64_t column, at::Tensor& out) {
  constexpr std::int64_t kBlock = 16;
  const std::int64_t rows = tile.size(0);
  const std::int64_t columns = tile.size(1);
  const Real* from = tile.data_ptr<Real>();
  Real* to = out.data_ptr<Real>() + column * out.stride(0) + row;
  for (std::int64_t c = 0; c < columns; c += kBlock) {
    for (std::int64_t r = 0; r < rows; r += kBlock) {
      for (std::int64_t k = c; k < std::min(columns, c + kBlock); ++k) {
        for (std::int64_t i = r; i < std::min(rows, r + kBlock); ++i) {
          if (column + k > row + i) to[k * out.stride(0) + i] = from[i * columns + k];
        }
      }
    }
  }
}

}  // namespace

template <typename Real>
void InfiniteKernel::State::fill_tile(const Side& left,
                                      const Side& right,
                                      const Table* table,
                                      std::int64_t row,
                                      std::int64_t column,
                                      at::Tensor& out) const {
  const bool symmetric = &left == &right;
  const std::int64_t rows = std::min(kTileRows, left.size() - row);
  const std::int64_t columns = std::min(kTileColumns, right.size() - column);
  at::Tensor tile = at::empty({rows, columns}, at::dtype(options.type));
  const bool whole_inputs = program.input_cells == 1;
  if (whole_inputs) {
    linalg::multiply(
        tile, left.units.narrow(0, row, rows), right.units.narrow(0, column, columns).t());
  }
  std::vector<Real> terms;
  std::vector<Real> right_norms(static_cast<std::size_t>(columns), Real{1});
  if (table != nullptr) {
    terms.assign(table->series.begin(), table->series.end());
    const double* norms = right.norms.data_ptr<double>() + column;
    if (table->scales_with_norms) std::copy_n(norms, columns, right_norms.begin());
  }
  const auto unscaled = static_cast<Real>(1 / scale);
  // Enough pairs for a loop to pay, few enough for a cache.
  const std::int64_t most = std::clamp<std::int64_t>(100'000 / program.total_cells(), 8, 256);
  std::vector<Real> gaps(static_cast<std::size_t>(most));
  std::optional<PairEvaluator<Real>> evaluator;
  if (table == nullptr) evaluator.emplace(program, left.cells, right.cells, most);

  for (std::int64_t i = 0; i < rows; ++i) {
    Real* line = tile.data_ptr<Real>() + i * columns;
    const std::int64_t first = symmetric ? std::max<std::int64_t>(0, row + i - column) : 0;
    for (std::int64_t begin = first; begin < columns; begin += most) {
      const std::int64_t pairs = std::min(most, columns - begin);
      Real* gap = evaluator ? evaluator->input_gaps(0) : gaps.data();
      if (whole_inputs) {
        fill_gaps(left, right, row + i, column + begin, pairs, line + begin, gap);
        if (symmetric && column + begin == row + i) gap[0] = 0;
      } else {
        for (std::int64_t cell = 0; cell < program.input_cells; ++cell) {
          fill_sign_gaps(
              left, right, cell, row + i, column + begin, pairs, evaluator->input_gaps(cell));
        }
      }
      Real* result = line + begin;
      if (evaluator) {
        evaluator->evaluate(quantity, row + i, column + begin, pairs, result);
        for (std::int64_t j = 0; j < pairs; ++j) result[j] *= unscaled;
      } else {
        const double norm = table->scales_with_norms ? left.norms.data_ptr<double>()[row + i] : 1;
        sum_series(pairs,
                   terms.data(),
                   std::ssize(terms),
                   gap,
                   static_cast<Real>(norm) * unscaled,
                   right_norms.data() + begin,
                   result);
      }
    }
    Real* to = out.data_ptr<Real>() + (row + i) * out.stride(0) + column;
    std::copy(line + first, line + columns, to + first);
  }
  if (symmetric) mirror<Real>(tile, row, column, out);
}

bool InfiniteKernel::State::fill(const at::Tensor& inputs,
                                 const at::Tensor* others,
                                 at::Tensor& out) const {
  const Side left = prepare(inputs);
  std::optional<Side> other;
  if (others != nullptr) other = prepare(*others);
  const Side& right = other ? *other : left;
  const auto table = table_for(left, right);

  std::vector<base::WorkItem> items;
  for (std::int64_t row = 0; row < left.size(); row += kTileRows) {
    for (std::int64_t column = 0; column < right.size(); column += kTileColumns) {
      if (!other && column + kTileColumns <= row) continue;
      items.push_back({fmt::format("rows {}, columns {}", row, column),
                       kTileRows * kTileColumns * sizeof(double),
                       [&, row, column] {
                         const Table* angles = table ? &*table : nullptr;
                         if (options.type == at::kFloat) {
                           fill_tile<float>(left, right, angles, row, column, out);
                         } else {
                           fill_tile<double>(left, right, angles, row, column, out);
                         }
                       }});
    }
  }
  base::WorkQueueOptions queue;
  if (options.on_tile) {
    queue.on_finished = [&](std::int64_t done, std::int64_t total, const std::string&) {
      options.on_tile(done, total);
    };
  }
  const auto summary = base::WorkQueue(queue).run(items);
  summary.rethrow();
  return summary.skipped == 0;
}

at::Tensor InfiniteKernel::State::make(const at::Tensor& inputs, const at::Tensor* others) const {
  const std::int64_t n = inputs.size(0);
  const std::int64_t columns = others != nullptr ? others->size(0) : n;
  plan(n, others != nullptr ? columns : 0, true).check(options.memory_limit);
  at::Tensor out = at::empty({n, columns}, at::dtype(options.type));
  base::require(fill(inputs, others, out), ErrorKind::usage, "infinite kernel: interrupted");
  return out;
}

InfiniteKernel::InfiniteKernel(const net::Architecture& architecture, InfiniteOptions options)
    : state_(std::make_unique<State>(
          State{.architecture = architecture, .options = std::move(options)})) {
  state_->program = read_limit(architecture);
  state_->choose_quantity();
  if (state_->program.has_skips()) {
    state_->tabulate_stream();
  } else if (state_->program.needs_quadrature()) {
    state_->method = "quadrature";
  }
}

InfiniteKernel::~InfiniteKernel() = default;
InfiniteKernel::InfiniteKernel(InfiniteKernel&&) noexcept = default;

double InfiniteKernel::scale() const { return state_->scale; }
const std::string& InfiniteKernel::method() const { return state_->method; }
double InfiniteKernel::standard_error() const { return state_->standard_error; }

at::Tensor InfiniteKernel::operator()(const at::Tensor& inputs) const {
  return state_->make(inputs, nullptr);
}

at::Tensor InfiniteKernel::operator()(const at::Tensor& inputs, const at::Tensor& others) const {
  return state_->make(inputs, &others);
}

base::MemoryPlan InfiniteKernel::plan(std::int64_t n, std::int64_t others, bool in_memory) const {
  return state_->plan(n, others, in_memory);
}

bool InfiniteKernel::fill(const at::Tensor& inputs, at::Tensor& out) const {
  return state_->fill(inputs, nullptr, out);
}

double InfiniteKernel::at_distance(double distance) const {
  base::require(state_->program.input_cells == 1,
                ErrorKind::usage,
                "infinite kernel of {}: it is no function of the distance alone",
                state_->architecture.name);
  return state_->at_angle(2 * std::asin(std::fmin(1, distance / 2)), 1) / state_->scale;
}

namespace {

InfiniteKernel dense_kernel(std::int64_t input_size, std::int64_t depth, DenseTrained trained) {
  auto fc = net::make_architecture("fc", {.input_size = input_size, .width = 2, .depth = depth});
  if (depth == 0 || trained == DenseTrained::hidden_and_first) fc.blocks[0].trained = true;
  return InfiniteKernel(fc);
}

}  // namespace

at::Tensor infinite_kernel(const at::Tensor& inputs, std::int64_t depth, DenseTrained trained) {
  return dense_kernel(inputs.size(1), depth, trained)(inputs);
}

at::Tensor two_layer_kernel(const at::Tensor& inputs) {
  const auto shape =
      net::make_architecture("two-layer", {.input_size = inputs.size(1), .width = 2});
  return InfiniteKernel(shape)(inputs);
}

double infinite_kernel_at(double distance, std::int64_t depth, DenseTrained trained) {
  return dense_kernel(1, depth, trained).at_distance(distance);
}

std::vector<double> feature_distances(double distance, std::int64_t depth) {
  std::vector<double> distances;
  double gap = distance * distance / 2;
  for (std::int64_t l = 0; l <= depth; ++l) {
    advance_gaps<double>(0.5, 1, &gap, &gap, nullptr);
    distances.push_back(std::sqrt(2 * gap));
  }
  return distances;
}

}  // namespace overparam::kernel
