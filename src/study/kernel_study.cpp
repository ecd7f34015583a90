// SPDX-License-Identifier: Apache-2.0
#include "overparam/study/kernel_study.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "overparam/base/array_files.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/mapped_array.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/base/progress.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/regression.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/spectrum.hpp"
#include "overparam/study/training.hpp"
#include "overparam/study/vision_run.hpp"
#include "overparam/train/checkpoint.hpp"
#include "run_settings.hpp"
#include "tensor_key.hpp"

namespace overparam::study {

namespace fs = std::filesystem;

namespace {

using kernel::OutputBlock;

/// "full", "trace", "diagonal" or "output:3".
kernel::KernelOptions parse_block(const Settings& settings) {
  const std::string& text = settings.text("ntk.block");
  kernel::KernelOptions options;
  if (text == "full") return options;
  if (text == "trace") {
    options.block = OutputBlock::trace;
    return options;
  }
  if (text == "diagonal") {
    options.block = OutputBlock::diagonal;
    return options;
  }
  const std::int64_t output =
      text.starts_with("output:") ? base::parse_integer(text.substr(7)).value_or(-1) : -1;
  base::require(output >= 0,
                ErrorKind::usage,
                "{}: ntk.block must be full, trace, diagonal or output:A, found \"{}\"",
                settings.origin("ntk.block"),
                text);
  options.block = OutputBlock::single;
  options.output = output;
  return options;
}

/// Kernels are computed in float64 unless the user says otherwise: float32 loses the small
/// eigenvalues.
Settings with_double_precision(Settings settings) {
  if (settings.origin("run.dtype") == "default") settings.set("run.dtype", "float64", "ntk");
  return settings;
}

/// The read-out is reported apart from what lies below it: its share is O(1) beside m.
std::vector<int> leave_out_read_outs(net::Architecture& architecture) {
  std::vector<int> read_outs;
  bool below = false;
  for (const auto& term : architecture.layers.back().terms) {
    if (term.block != net::kSkip &&
        architecture.blocks[static_cast<std::size_t>(term.block)].trained)
      read_outs.push_back(term.block);
  }
  for (std::size_t k = 0; k < architecture.blocks.size(); ++k) {
    const bool is_read_out = std::ranges::find(read_outs, static_cast<int>(k)) != read_outs.end();
    below = below || (architecture.blocks[k].trained && !is_read_out);
  }
  if (!below) return {};
  for (const int k : read_outs) architecture.blocks[static_cast<std::size_t>(k)].trained = false;
  return read_outs;
}

class KernelStudy {
 public:
  KernelStudy(const Settings& settings, bool fresh, const Voice& voice)
      : settings_(with_double_precision(settings)),
        fresh_(fresh),
        voice_(voice),
        kind_(settings_.text("ntk.kind")),
        data_(prepare_data(settings_)),
        problem_(training_problem(data_, settings_)),
        type_(number_type(settings_)),
        architecture_(build_architecture(settings_, network_input(data_))),
        options_(parse_block(settings_)) {
    options_.memory_limit = memory_limit(settings_);
    options_.type = type_;
    if (settings_.text("network.trained") == "all") read_outs_ = leave_out_read_outs(architecture_);
  }

  KernelRecord run() {
    const base::Stopwatch watch;
    check();
    describe();
    make_kernel();
    record_.kernel_seconds = watch.seconds();
    if (!record_.interrupted) {
      measure();
      record_.picture = draw();
      record_.interrupted = base::interrupted();
    }
    record_.seconds = watch.seconds();
    record_.peak_memory = base::peak_resident_memory();
    return std::move(record_);
  }

 private:
  [[nodiscard]] bool is_empirical() const { return kind_ == "empirical"; }

  void check() const {
    const std::string& out = settings_.text("run.out");
    base::require(out.empty() || out.ends_with(".npy"),
                  ErrorKind::usage,
                  "{}: the kernel's file must end with .npy, found \"{}\"",
                  settings_.origin("run.out"),
                  out);
    base::require(settings_.number("ntk.ridge") >= 0,
                  ErrorKind::usage,
                  "{}: ntk.ridge must not be negative, found {}",
                  settings_.origin("ntk.ridge"),
                  settings_.text("ntk.ridge"));
    if (is_empirical()) return;
    for (const char* key : {"ntk.block", "ntk.weights"}) {
      if (settings_.origin(key) == "default") continue;
      voice_.warn(
          fmt::format("{}: {} has no effect on the {} kernel, which has no weights and is "
                      "the same for all outputs",
                      settings_.origin(key),
                      key,
                      kind_));
    }
  }

  void describe() {
    record_.kind = kind_;
    record_.block = is_empirical() ? settings_.text("ntk.block") : "one output";
    const NetworkShape shape = network_shape(settings_);
    record_.network = shape.name;
    record_.m = shape.width;
    record_.L = shape.depth;
    record_.d = data_.num_outputs;
    record_.n = problem_.size();
    record_.data_name = data_.dataset.name;
    record_.normalisation = data::to_string(data_.normalisation);
    std::vector<std::string> trained;
    for (const auto& block : architecture_.blocks) {
      if (block.trained) trained.push_back(block.name);
    }
    record_.trained = base::join(trained, ", ");
    record_.dtype = settings_.text("run.dtype");
    record_.separation = data_.separation.distance;
    record_.num_duplicates = data_.duplicates.num_duplicates;
  }

  [[nodiscard]] net::Network make_network() {
    const at::TensorOptions options = at::TensorOptions(type_).device(device_of(settings_));
    const auto seed = static_cast<std::uint64_t>(settings_.integer("run.seed"));
    net::Network network(architecture_, seed, options);
    const std::string& path = settings_.text("ntk.weights");
    if (path.empty()) return network;
    base::TensorFile file = base::read_safetensors(path);
    for (auto& [name, tensor] : file.tensors) {
      weights_key_ += ' ' + name + ' ' + key_of(tensor);
      if (tensor.is_floating_point()) tensor = tensor.to(type_);
    }
    train::load_weights(network, file, path);
    return network;
  }

  [[nodiscard]] std::string identity() const {
    return fmt::format("{} kernel, block {}, {} of {}, dtype {}",
                       kind_,
                       record_.block,
                       settings_.fingerprint(),
                       base::stable_key(weights_key_),
                       record_.dtype);
  }

  /// Into memory, or into the file where one is wanted.
  void make_kernel() {
    if (is_empirical()) {
      make_empirical();
    } else {
      make_infinite();
    }
    if (file_ && !record_.interrupted) {
      file_->commit();
      record_.file = settings_.text("run.out");
    }
    if (record_.interrupted || !values_.defined()) return;
    record_.sizes = values_.sizes().vec();
  }

  /// What the program holds already counts where the user names a limit; what is free is free of
  /// it.
  [[nodiscard]] base::MemoryPlan held_memory(const char* purpose) const {
    base::MemoryPlan plan(purpose);
    if (options_.memory_limit > 0) {
      plan.add("the program and its data", base::resident_memory());
    }
    return plan;
  }

  at::Tensor& target(const std::vector<std::int64_t>& sizes, std::int64_t tile_side) {
    const std::string& out = settings_.text("run.out");
    if (out.empty()) {
      values_ = at::empty(sizes, at::dtype(type_));
    } else {
      file_ = std::make_unique<base::MappedArray>(out, sizes, type_, identity(), tile_side, fresh_);
      values_ = file_->tensor();
    }
    return values_;
  }

  void make_empirical() {
    base::MemoryPlan held = held_memory("tangent kernel");
    held.add("weights", {architecture_.num_parameters()}, c10::elementSize(type_));
    auto options = options_;
    if (options.memory_limit > 0) {
      options.memory_limit -= std::min(held.total(), options.memory_limit - 1);
    }
    auto plan = kernel::plan_kernel(architecture_,
                                    problem_.size(),
                                    0,
                                    options,
                                    c10::elementSize(type_),
                                    settings_.text("run.out").empty());
    base::MemoryPlan memory = plan.memory;
    memory.add(held);
    memory.check(options_.memory_limit);
    voice_.say(fmt::format("memory {}; {} tile{}, {:.3g} operations",
                           memory.describe(),
                           plan.tiles,
                           plan.tiles == 1 ? "" : "s",
                           plan.operations));
    const net::Network network = make_network();
    at::Tensor& out = target(plan.sizes, plan.samples_at_once);
    if (file_) keep_tiles_of(*file_, plan);
    record_.tiles = plan.tiles;
    record_.operations = plan.operations;
    record_.method = "structured product of Grams";
    base::ProgressLine progress(
        "tile", plan.tiles, voice_.progress, file_ ? file_->tiles_done() : 0);
    options.on_tile = [&](std::int64_t done, std::int64_t) { progress.update(done); };
    kernel::TileLog log;
    if (file_) {
      if (file_->tiles_done() > 0) {
        voice_.say(fmt::format("going on after {} of {} tiles", file_->tiles_done(), plan.tiles));
      }
      log.is_done = [&](std::int64_t tile) { return file_->is_done(tile); };
      log.finish = [&](std::int64_t tile) { file_->finish(tile); };
    }
    record_.interrupted = !kernel::fill_kernel(network, problem_.inputs, options, plan, log, out);
    progress.finish();
    if (record_.interrupted) return;
    prepare_regression(network);
    if (!read_outs_.empty()) note_read_out(network);
  }

  /// Tiles of an unfinished file go on as they were cut, whatever memory is free today. What the
  /// program itself holds differs from start to start, which may move the cut by one piece.
  void keep_tiles_of(const base::MappedArray& file, kernel::KernelPlan& plan) const {
    const auto pieces = [&](std::int64_t side) { return (problem_.size() + side - 1) / side; };
    const std::int64_t cut = pieces(file.tile_side());
    base::require(cut + 1 >= pieces(plan.samples_at_once),
                  ErrorKind::capacity,
                  "{} was begun in tiles of {} samples, and the memory allowed now is enough for "
                  "{}; --fresh begins again",
                  settings_.text("run.out"),
                  file.tile_side(),
                  plan.samples_at_once);
    plan.samples_at_once = file.tile_side();
    plan.tiles = cut * (cut + 1) / 2;
  }

  void make_infinite() {
    const kernel::InfiniteKernel limit(
        architecture_,
        {.conjugate = kind_ == "conjugate",
         .type = type_,
         .seed = static_cast<std::uint64_t>(settings_.integer("run.seed")),
         .memory_limit = options_.memory_limit});
    const std::int64_t n = problem_.size();
    const bool in_memory = settings_.text("run.out").empty();
    base::MemoryPlan memory = held_memory("infinite kernel");
    memory.add(limit.plan(n, 0, in_memory));
    memory.check(options_.memory_limit);
    voice_.say("memory " + memory.describe());
    record_.kernel_scale = limit.scale();
    record_.standard_error = limit.standard_error();
    record_.method = limit.method();
    record_.interrupted = !limit.fill(problem_.inputs, target({n, n}, n));
    if (record_.interrupted) return;
    if (data_.dataset.test) cross_ = limit(test().inputs, problem_.inputs);
    if (read_outs_.empty() || kind_ == "conjugate") return;
    net::Architecture alone = architecture_;
    for (auto& block : alone.blocks) block.trained = false;
    for (const int k : read_outs_) alone.blocks[static_cast<std::size_t>(k)].trained = true;
    const at::Tensor some = problem_.inputs.narrow(0, 0, std::min<std::int64_t>(n, 100));
    record_.read_out_mean_diagonal =
        kernel::InfiniteKernel(alone)(some).diagonal().mean().item<double>();
  }

  train::Problem test() const { return test_problem(data_, settings_); }

  void prepare_regression(const net::Network& network) {
    if (!data_.dataset.test) return;
    if (options_.block != OutputBlock::full && options_.block != OutputBlock::trace) {
      voice_.say("no kernel regression: it needs the block full or trace");
      return;
    }
    cross_ = kernel::empirical_kernel(network, test().inputs, problem_.inputs, options_);
  }

  void note_read_out(const net::Network& network) {
    net::Architecture alone = architecture_;
    for (auto& block : alone.blocks) block.trained = false;
    for (const int k : read_outs_) alone.blocks[static_cast<std::size_t>(k)].trained = true;
    const net::Network part(alone, network.parameters());
    const std::int64_t some = std::min<std::int64_t>(problem_.size(), 100);
    const at::Tensor kernel = kernel::empirical_kernel(
        part, problem_.inputs.narrow(0, 0, some), {.block = OutputBlock::trace});
    record_.read_out_mean_diagonal = kernel.diagonal().mean().item<double>();
  }

  /// Spectrum, and regression where there is a test part; both from one Cholesky factor.
  void measure() {
    record_.mean_diagonal = values_.diagonal(0, -2, -1).mean(at::kDouble).item<double>();
    const std::int64_t N = values_.size(-1);
    linalg::SpectrumOptions wanted{.top = std::min(N, settings_.integer("ntk.eigenvalues")),
                                   .bottom = std::min(N, settings_.integer("ntk.eigenvalues"))};
    base::MemoryPlan plan = linalg::plan_spectrum(N, wanted);
    if (settings_.text("run.out").empty() || type_ != at::kDouble) {
      plan.add("the kernel in float64", {N, N}, sizeof(double));
    }
    plan.add(held_memory(""));
    if (!plan.fits(options_.memory_limit)) {
      record_.why_no_spectrum = fmt::format("would not fit the memory: {}", plan.describe());
      voice_.warn("no spectrum: " + record_.why_no_spectrum);
      return;
    }
    if (values_.dim() == 3) {
      measure_outputs(wanted);
      return;
    }
    const at::Tensor K = values_.to(at::kDouble);
    if (!cross_.defined()) {
      record_.spectrum = summary(linalg::spectrum(K, wanted));
      return;
    }
    const kernel::KernelRegression regression(
        K, problem_.targets.to(at::kDouble), {.ridge = settings_.number("ntk.ridge")});
    const bool has_factor = regression.factor() != nullptr && N > wanted.dense_up_to;
    record_.spectrum = summary(has_factor ? linalg::spectrum(K, *regression.factor(), wanted)
                                          : linalg::spectrum(K, wanted));
    regress(regression, K);
  }

  /// Of the kernel of each output: the ends over all of them.
  void measure_outputs(const linalg::SpectrumOptions& wanted) {
    for (std::int64_t a = 0; a < values_.size(0); ++a) {
      const auto found = summary(linalg::spectrum(values_[a].to(at::kDouble), wanted));
      auto& ends = record_.spectrum;
      if (!ends || found.bottom.front() < ends->bottom.front()) {
        const double top = ends ? std::fmax(ends->top.front(), found.top.front()) : 0;
        ends = found;
        ends->top.front() = std::fmax(top, found.top.front());
      } else {
        ends->top.front() = std::fmax(ends->top.front(), found.top.front());
      }
    }
    record_.spectrum->method += ", of each output: the least and the largest of all";
  }

  static SpectrumSummary summary(const linalg::Spectrum& found) {
    const auto list = [](const at::Tensor& values) {
      const at::Tensor plain = values.contiguous();
      const double* begin = plain.data_ptr<double>();
      return std::vector<double>(begin, begin + plain.numel());
    };
    SpectrumSummary summary{.top = list(found.top),
                            .bottom = list(found.bottom),
                            .condition = found.condition,
                            .jitter = found.jitter,
                            .singular = found.singular,
                            .method = found.method};
    if (found.all.defined()) summary.all = list(found.all);
    summary.residual = std::fmax(found.top_residuals.max().item<double>(),
                                 found.bottom_residuals.max().item<double>());
    return summary;
  }

  void regress(const kernel::KernelRegression& regression, const at::Tensor& K) {
    const train::Problem held_out = test();
    const auto accuracy = [&](const at::Tensor& outputs, const train::Problem& problem) {
      return problem.labels.defined() ? kernel::classification_accuracy(
                                            outputs, problem.labels, problem.num_classes)
                                      : std::numeric_limits<double>::quiet_NaN();
    };
    const auto objective = [](const at::Tensor& outputs, const train::Problem& problem) {
      return 0.5 * (outputs - problem.targets.to(at::kDouble)).square().sum().item<double>();
    };
    const at::Tensor fitted = regression.predict(K);
    const at::Tensor predicted = regression.predict(cross_.to(at::kDouble));
    record_.regression = RegressionSummary{.train_objective = objective(fitted, problem_),
                                           .test_objective = objective(predicted, held_out),
                                           .train_accuracy = accuracy(fitted, problem_),
                                           .test_accuracy = accuracy(predicted, held_out),
                                           .test_samples = held_out.size(),
                                           .method = regression.describe()};
  }

  /// The kernel of one output as a picture: samples in the order of their labels, many averaged
  /// into one cell.
  [[nodiscard]] report::ImageGrid draw() const {
    constexpr std::int64_t kCells = 200;
    at::Tensor one = values_.dim() == 3 ? values_[0] : values_;
    const std::int64_t n = problem_.size();
    const std::int64_t d = one.size(0) / n;
    const std::int64_t shown = std::min<std::int64_t>(n, 2000);
    at::Tensor order = at::arange(shown, at::kLong);
    if (problem_.labels.defined()) {
      const at::Tensor labels = problem_.labels.narrow(0, 0, shown).cpu();
      order = std::get<1>(at::sort(labels, c10::optional<bool>(true), 0, false));
    }
    at::Tensor cells = one.index_select(0, order * d).index_select(1, order * d).to(at::kFloat);
    if (shown > kCells) {
      cells = at::adaptive_avg_pool2d(cells.view({1, shown, shown}), {kCells, kCells})[0];
    }
    cells = cells - cells.min();
    cells = (cells / at::clamp_min(cells.max(), 1e-30)).contiguous();
    const float* begin = cells.data_ptr<float>();
    report::ImageGrid grid{.id = "kernel",
                           .title = "The kernel",
                           .height = static_cast<int>(cells.size(0)),
                           .width = static_cast<int>(cells.size(1)),
                           .per_row = 1};
    grid.images.push_back({.pixels = std::vector<float>(begin, begin + cells.numel())});
    grid.caption =
        fmt::format("Entries between {} samples{}, from the least (black) to the largest (white).",
                    base::format_count(shown),
                    problem_.labels.defined() ? " in the order of their labels" : "");
    return grid;
  }

  const Settings settings_;
  bool fresh_;
  const Voice& voice_;
  std::string kind_;
  PreparedData data_;
  train::Problem problem_;
  at::ScalarType type_;
  net::Architecture architecture_;
  kernel::KernelOptions options_;
  std::vector<int> read_outs_;  // trained too, reported apart
  std::string weights_key_;     // of the weights that were read
  std::unique_ptr<base::MappedArray> file_;
  at::Tensor values_;
  at::Tensor cross_;  // K(test, train)
  KernelRecord record_;
};

}  // namespace

KernelRecord run_kernel_study(const Settings& settings, bool fresh, const Voice& voice) {
  refuse_vision(settings, "ntk");
  return KernelStudy(settings, fresh, voice).run();
}

}  // namespace overparam::study
