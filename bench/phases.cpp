// SPDX-License-Identifier: Apache-2.0
#include "phases.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "normal.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/data/geometry.hpp"
#include "overparam/kernel/infinite.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/lanczos.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/linalg/solve.hpp"
#include "overparam/net/catalogue.hpp"
#include "steps.hpp"

namespace overparam::bench {

namespace {

double squared(std::int64_t x) { return static_cast<double>(x) * static_cast<double>(x); }

/// Products of one step, forwards and backwards.
struct StepOperations {
  double forward = 0;
  double backward = 0;
};

/// Each use of a block multiplies n rows a position by it: once forwards, unless all below is
/// frozen; once for the cotangent of what it reads, where something below is trained; and once for
/// its own gradient.
StepOperations step_operations(const net::Architecture& architecture, std::int64_t num_samples) {
  StepOperations result;
  std::vector<bool> trains;  // this layer, or one that it reads
  for (const auto& layer : architecture.layers) {
    bool any = false;
    for (const auto& term : layer.terms) {
      any = any || (term.from != net::kInput && trains[static_cast<std::size_t>(term.from)]);
      any = any || (term.block != net::kSkip &&
                    architecture.blocks[static_cast<std::size_t>(term.block)].trained);
    }
    trains.push_back(any);
    for (const auto& term : layer.terms) {
      if (term.block == net::kSkip || term.gather == net::Gather::one || !any) continue;
      const auto& block = architecture.blocks[static_cast<std::size_t>(term.block)];
      const double product = 2.0 * static_cast<double>(num_samples * layer.positions) *
                             static_cast<double>(block.rows * block.columns);
      result.forward += product;
      if (term.from != net::kInput && trains[static_cast<std::size_t>(term.from)]) {
        result.backward += product;
      }
      if (block.trained) result.backward += product;
    }
  }
  return result;
}

StepShape step_shape(const PhaseShape& shape, const std::string& network = "fc") {
  return {.network = network,
          .num_samples = shape.num_samples,
          .width = shape.width,
          .depth = shape.depth};
}

/// A network, its data, and a tape of both.
class Passes {
 public:
  explicit Passes(const PhaseShape& shape)
      : timer_(step_shape(shape)),
        tape_(network().record(inputs(), workspace_)),
        cotangent_(normal({shape.num_samples, kOutputs}, "cotangent")),
        operations_(step_operations(network().architecture(), shape.num_samples)) {}

  [[nodiscard]] const net::Network& network() const { return timer_.network(); }
  [[nodiscard]] const at::Tensor& inputs() const { return timer_.problem().inputs; }

 protected:
  StepTimer timer_;
  net::Workspace workspace_{at::kFloat};
  net::Tape tape_;
  at::Tensor cotangent_;  // (n, d)
  StepOperations operations_;
};

class Forward : public Phase, Passes {
 public:
  using Passes::Passes;
  [[nodiscard]] Work work() const override { return {.operations = operations_.forward}; }

 private:
  void run() override { network().refresh(tape_, workspace_); }
};

class Backward : public Phase, Passes {
 public:
  explicit Backward(const PhaseShape& shape)
      : Passes(shape), gradient_(network().parameters().clone()) {}
  [[nodiscard]] Work work() const override { return {.operations = operations_.backward}; }

 private:
  void run() override {
    network().add_gradient(tape_, cotangent_, 1, gradient_, workspace_, /*beta=*/0.5);
  }

  net::Parameters gradient_;
};

/// The trainer's own step: it keeps its own clock.
class Step : public Phase {
 public:
  Step(const PhaseShape& shape, const std::string& network, std::int64_t batch_size = 0)
      : shape_(step_shape(shape, network)) {
    if (batch_size > 0) {
      shape_.method = train::Method::sgd;
      shape_.batch_size = batch_size;
    }
    timer_.emplace(shape_);
  }

  [[nodiscard]] Work work() const override {
    const auto operations = step_operations(timer_->network().architecture(), shape_.rows());
    const auto weights =
        static_cast<double>(timer_->network().architecture().num_trained_parameters());
    // Trained weights are read forwards, read backwards, and read and written by their update.
    return {.operations = operations.forward + operations.backward, .bytes = 16 * weights};
  }

  double seconds(std::int64_t times) override { return timer_->seconds_per_step(times); }

 private:
  StepShape shape_;
  std::optional<StepTimer> timer_;
};

class ActivationPhase : public Phase {
 public:
  explicit ActivationPhase(const PhaseShape& shape)
      : values_(normal({shape.num_samples, shape.width}, "values")),
        cotangent_(normal({shape.num_samples, shape.width}, "cotangent")) {}

  [[nodiscard]] Work work() const override {
    return {.bytes = 5.0 * 4 * static_cast<double>(values_.numel())};  // 2 for phi, 3 for phi'
  }

 private:
  void run() override {
    net::relu().apply(values_);
    net::relu().multiply_derivative(cotangent_, values_);
  }

  at::Tensor values_, cotangent_;  // (n, m)
};

class TangentProductPhase : public Phase, Passes {
 public:
  explicit TangentProductPhase(const PhaseShape& shape)
      : Passes(shape),
        shape_(shape),
        product_(network(), inputs(), workspace_),
        v_(at::ones({product_.size()}, at::kDouble)),
        out_(at::empty_like(v_)) {}

  [[nodiscard]] Work work() const override {
    const auto n = static_cast<double>(shape_.num_samples);
    const auto m = static_cast<double>(shape_.width);
    const auto L = static_cast<double>(shape_.depth);
    if (kernel::samples_are_few(network().architecture(), shape_.num_samples)) {
      return {.operations = (L - 1) * 4 * n * m * m + L * 2 * n * n * m};
    }
    // Features are made again for the way down and for the way up, A's among them.
    return {.operations = (12 * L - 4) * n * m * m + 4 * n * m * kInputSize};
  }

 private:
  void run() override { product_(v_, out_); }

  PhaseShape shape_;
  kernel::TangentProduct product_;
  at::Tensor v_, out_;  // (n d)
};

class DenseKernel : public Phase, Passes {
 public:
  DenseKernel(const PhaseShape& shape, kernel::OutputBlock block)
      : Passes(shape), num_samples_(shape.num_samples), options_{.block = block} {}

  [[nodiscard]] Work work() const override {
    const auto plan = kernel::plan_kernel(
        network().architecture(), num_samples_, 0, options_, c10::elementSize(at::kFloat));
    return {.operations = plan.operations};
  }

 private:
  void prepare() override { kernel_ = at::Tensor(); }
  void run() override { kernel_ = kernel::empirical_kernel(network(), inputs(), options_); }

  std::int64_t num_samples_;
  kernel::KernelOptions options_;
  at::Tensor kernel_;
};

class LimitKernel : public Phase {
 public:
  explicit LimitKernel(const PhaseShape& shape)
      : inputs_(normal({shape.num_samples, kInputSize}, "inputs", at::kDouble)),
        kernel_(at::zeros({shape.num_samples, shape.num_samples}, at::kDouble)),
        limit_(net::make_architecture(
            "fc", {.input_size = kInputSize, .width = 2, .depth = shape.depth})) {}

  [[nodiscard]] Work work() const override {
    return {.operations = squared(inputs_.size(0)) * kInputSize,  // half of a Gram product
            .bytes = 8 * squared(inputs_.size(0)),
            .type = at::kDouble};
  }

 private:
  void run() override { limit_.fill(inputs_, kernel_); }

  at::Tensor inputs_;  // (n, 785)
  at::Tensor kernel_;  // (n, n)
  kernel::InfiniteKernel limit_;
};

/// A well-conditioned symmetric matrix (n, n) and 10 right-hand sides.
class Matrix {
 public:
  explicit Matrix(const PhaseShape& shape)
      : matrix_(normal({shape.num_samples, shape.num_samples}, "matrix", at::kDouble)),
        right_(normal({shape.num_samples, kOutputs}, "right", at::kDouble)) {
    // The bulk of (X + X^T)/2 lies within sqrt(2 n); three times that keeps it definite.
    matrix_.add_(matrix_.t().contiguous()).mul_(0.5);
    matrix_.diagonal().add_(3 * std::sqrt(2.0 * static_cast<double>(rows())));
  }

  [[nodiscard]] std::int64_t rows() const { return matrix_.size(0); }
  [[nodiscard]] double bytes() const { return 8 * squared(rows()); }

 protected:
  static constexpr int kProducts = 20;
  at::Tensor matrix_;  // (n, n)
  at::Tensor right_;   // (n, d)
};

class CholeskyPhase : public Phase, Matrix {
 public:
  explicit CholeskyPhase(const PhaseShape& shape) : Matrix(shape), used_(matrix_.clone()) {}
  [[nodiscard]] Work work() const override {
    return {.operations = squared(rows()) * static_cast<double>(rows()) / 3, .type = at::kDouble};
  }

 private:
  void prepare() override { used_.copy_(matrix_); }
  void run() override { linalg::Cholesky(used_, {.in_place = true}); }

  at::Tensor used_;  // (n, n)
};

class CholeskySolve : public Phase, Matrix {
 public:
  explicit CholeskySolve(const PhaseShape& shape) : Matrix(shape), factor_(matrix_) {}
  [[nodiscard]] Work work() const override {
    return {.operations = 2 * squared(rows()) * kOutputs,
            .bytes = bytes(),  // half of the matrix, forwards and backwards
            .type = at::kDouble};
  }

 private:
  void run() override { (void)factor_.solve(right_); }

  linalg::Cholesky factor_;
};

class LanczosPhase : public Phase, Matrix {
 public:
  using Matrix::Matrix;
  [[nodiscard]] Work work() const override {
    const auto n = static_cast<double>(rows());
    // Against k vectors each is made orthogonal twice, in three readings.
    return {.bytes = kProducts * bytes() + 3 * 8 * n * kProducts * (kProducts + 1) / 2};
  }

 private:
  void run() override {
    linalg::Lanczos process(linalg::dense_operator(matrix_), right_.select(1, 0), kProducts);
    process.extend(kProducts);
  }
};

class ConjugateGradientsPhase : public Phase, Matrix {
 public:
  using Matrix::Matrix;
  [[nodiscard]] Work work() const override { return {.bytes = kProducts * bytes()}; }

 private:
  void run() override {
    const auto result = linalg::conjugate_gradients(linalg::dense_operator(matrix_),
                                                    right_.select(1, 0),
                                                    {.max_products = kProducts, .tolerance = 0});
    base::ensure(result.products == kProducts, "bench: the solution was found too early");
  }
};

class SeparationPhase : public Phase {
 public:
  explicit SeparationPhase(const PhaseShape& shape)
      : inputs_(normal({shape.num_samples, kInputSize - 1}, "inputs")) {}
  [[nodiscard]] Work work() const override {
    return {.operations = squared(inputs_.size(0)) * (kInputSize - 1)};  // half of a Gram product
  }

 private:
  void run() override { data::separation(inputs_); }

  at::Tensor inputs_;  // (n, 784)
};

class Weights : public Phase {
 public:
  explicit Weights(const PhaseShape& shape)
      : weights_(at::empty({shape.width, shape.width}, at::kFloat)) {}
  [[nodiscard]] Work work() const override {
    return {.bytes = 4.0 * static_cast<double>(weights_.numel())};
  }

 private:
  void run() override { base::fill_normal(weights_, 1, {0, "weights"}); }

  at::Tensor weights_;  // (m, m)
};

}  // namespace

double Phase::seconds(std::int64_t times) {
  if (times > 1) {
    prepare();
    run();
  }
  double sum = 0;
  for (std::int64_t k = 0; k < times; ++k) {
    prepare();
    const base::Stopwatch watch;
    run();
    sum += watch.seconds();
  }
  return sum / static_cast<double>(times);
}

std::unique_ptr<Phase> make_phase(const std::string& name, const PhaseShape& shape) {
  constexpr std::int64_t kBatch = 64;
  if (name == "forward") return std::make_unique<Forward>(shape);
  if (name == "backward") return std::make_unique<Backward>(shape);
  if (name == "step") return std::make_unique<Step>(shape, "fc");
  if (name == "step-resnet") return std::make_unique<Step>(shape, "resnet");
  if (name == "step-cnn") return std::make_unique<Step>(shape, "cnn");
  if (name == "step-sgd") return std::make_unique<Step>(shape, "fc", kBatch);
  if (name == "activation") return std::make_unique<ActivationPhase>(shape);
  if (name == "tangent-product") return std::make_unique<TangentProductPhase>(shape);
  if (name == "tangent-kernel") {
    return std::make_unique<DenseKernel>(shape, kernel::OutputBlock::full);
  }
  if (name == "trace-kernel") {
    return std::make_unique<DenseKernel>(shape, kernel::OutputBlock::trace);
  }
  if (name == "limit-kernel") return std::make_unique<LimitKernel>(shape);
  if (name == "cholesky") return std::make_unique<CholeskyPhase>(shape);
  if (name == "cholesky-solve") return std::make_unique<CholeskySolve>(shape);
  if (name == "lanczos") return std::make_unique<LanczosPhase>(shape);
  if (name == "conjugate-gradients") return std::make_unique<ConjugateGradientsPhase>(shape);
  if (name == "separation") return std::make_unique<SeparationPhase>(shape);
  if (name == "weights") return std::make_unique<Weights>(shape);
  base::fail(ErrorKind::usage, "bench: there is no phase {}", name);
}

double product_rate(std::int64_t p, std::int64_t q, std::int64_t r, at::ScalarType type) {
  const at::Tensor a = normal({p, q}, "left", type);
  const at::Tensor b = normal({q, r}, "right", type);
  at::Tensor out = at::zeros({p, r}, type);
  const double operations = 2.0 * static_cast<double>(p * q * r);
  double rate = 0;
  constexpr int kTimes = 3;
  for (int k = 0; k < kTimes; ++k) {
    const base::Stopwatch watch;
    linalg::multiply(out, a, b);
    rate = std::max(rate, operations / watch.seconds());
  }
  return rate;
}

double memory_bandwidth() {
  constexpr std::int64_t kNumbers = std::int64_t{1} << 25;  // 256 MB each
  constexpr int kTimes = 5;
  at::Tensor a = at::ones({kNumbers}, at::kDouble);
  const at::Tensor b = at::ones({kNumbers}, at::kDouble);
  const at::Tensor c = at::ones({kNumbers}, at::kDouble);
  double rate = 0;
  for (int k = 0; k < kTimes; ++k) {
    const base::Stopwatch watch;
    at::add_out(a, b, c, 0.5);
    rate = std::max(rate, 4.0 * 8 * static_cast<double>(kNumbers) / watch.seconds());
  }
  return rate;
}

}  // namespace overparam::bench
