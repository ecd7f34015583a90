// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/solve.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "support/allocations.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/tolerance.hpp"

namespace overparam::linalg {
namespace {

using tests::normal;
using tests::relative_difference;

at::Tensor positive_definite(std::int64_t size, double ridge = 1) {
  const at::Tensor root = normal({size, size}, "root");
  const at::Tensor gram = at::matmul(root, root.t()) / static_cast<double>(size);
  return gram.triu() + gram.triu(1).t() + ridge * at::eye(size, at::kDouble);  // to the last bit
}

/// exp(-|x - x'|^2 / 2) on random points of the line: its eigenvalues fall off exponentially.
at::Tensor ill_conditioned(std::int64_t size) {
  const at::Tensor points = normal({size, 1}, "points");
  return (-(points - points.t()).square() / 2).exp();
}

/// One block, one more than a block, and several with a ragged end.
class CholeskySizes : public testing::TestWithParam<std::int64_t> {};
INSTANTIATE_TEST_SUITE_P(Blocks, CholeskySizes, testing::Values(1, 2, 256, 257, 700));

TEST_P(CholeskySizes, FactorSolveAndDeterminantAgreeWithLapack) {
  const std::int64_t size = GetParam();
  const at::Tensor matrix = positive_definite(size);
  const Cholesky cholesky(matrix);
  EXPECT_EQ(cholesky.jitter(), 0);
  EXPECT_LT(relative_difference(cholesky.lower(), at::linalg_cholesky(matrix)), tests::kRounding);
  // Many columns are divided through inverses of diagonal blocks.
  for (const at::Tensor& right :
       {normal({size}, "one"), normal({size, 3}, "three"), normal({size, 300}, "many")}) {
    const at::Tensor solution = cholesky.solve(right);
    EXPECT_EQ(solution.sizes(), right.sizes());
    EXPECT_LT(relative_difference(at::matmul(matrix, solution), right), tests::kRounding);
    at::Tensor divided = right.view({size, -1}).clone();
    cholesky.divide_lower(divided);
    EXPECT_LT(relative_difference(at::matmul(cholesky.lower(), divided), right.view({size, -1})),
              tests::kRounding);
    cholesky.divide_upper(divided);
    EXPECT_LT(relative_difference(divided.view(right.sizes()), solution), tests::kRounding);
  }
  const double expected = at::linalg_eigvalsh(matrix).log().sum().item<double>();
  EXPECT_NEAR(cholesky.log_determinant(), expected, tests::kRounding * static_cast<double>(size));
  EXPECT_LT(relative_difference(cholesky.inverse_diagonal(), at::linalg_inv(matrix).diagonal()),
            tests::kRounding);
}

TEST(Cholesky, DividingFewColumnsAllocatesNothing) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const Cholesky cholesky(positive_definite(700).to(type), {.type = type});
    for (const std::int64_t columns : {1, 10}) {
      at::Tensor x = normal({700, columns}, "x").to(type);
      const tests::AllocationCounter counter;
      cholesky.divide_lower(x);
      cholesky.divide_upper(x);
      EXPECT_EQ(counter.count(), 0) << columns;
    }
  }
}

TEST(Cholesky, HalfSolveGivesTheQuadraticForm) {
  const at::Tensor matrix = positive_definite(300);
  const at::Tensor b = normal({300}, "b");
  const Cholesky cholesky(matrix);
  const double expected = at::dot(b, cholesky.solve(b)).item<double>();
  EXPECT_NEAR(
      cholesky.solve_lower(b).square().sum().item<double>() / expected, 1, tests::kRounding);
}

TEST(Cholesky, AddsTheRidge) {
  const at::Tensor matrix = positive_definite(40);
  const at::Tensor ridged = matrix + 0.5 * at::eye(40, at::kDouble);
  const Cholesky cholesky(matrix, {.ridge = 0.5});
  EXPECT_LT(relative_difference(cholesky.lower(), at::linalg_cholesky(ridged)), tests::kRounding);
  EXPECT_NEAR(cholesky.mean_diagonal(), ridged.diagonal().mean().item<double>(), tests::kRounding);
}

TEST(Cholesky, SingularMatrixNamesTheJitterThatServed) {
  // Twenty points, each thirty times: rank 20 of 600, spread over three blocks.
  at::Tensor matrix = 7 * positive_definite(20).repeat({30, 30});
  const at::Tensor given = matrix.clone();
  const Cholesky cholesky(matrix);
  EXPECT_GT(cholesky.relative_jitter(), 0);
  EXPECT_LE(cholesky.relative_jitter(), 1e-10);
  const double mean = given.diagonal().mean().item<double>();
  EXPECT_NEAR(cholesky.jitter() / (cholesky.relative_jitter() * mean), 1, tests::kRounding);
  const at::Tensor product = at::matmul(cholesky.lower(), cholesky.lower().t());
  const at::Tensor expected = given + cholesky.jitter() * at::eye(600, at::kDouble);
  EXPECT_LT(relative_difference(product, expected), tests::kRounding);
  EXPECT_TRUE(at::equal(matrix, given));
}

TEST(Cholesky, IndefiniteMatrixNamesWhatWasTried) {
  at::Tensor matrix = positive_definite(600);
  matrix.diagonal()[580].fill_(-1);
  const auto factor = [&] { Cholesky{matrix}; };
  tests::expect_error(
      ErrorKind::numeric, {"600 rows", "0, 1e-12, 1e-10, 1e-08, 1e-06", "mean diagonal"}, factor);
  EXPECT_FALSE(Cholesky::attempt(matrix, {.largest_jitter = 0}));
  EXPECT_TRUE(Cholesky::attempt(positive_definite(5), {.largest_jitter = 0}));
}

TEST(Cholesky, FailedInPlaceAttemptGivesTheMatrixBack) {
  at::Tensor matrix = positive_definite(600);
  matrix.diagonal()[580].fill_(-1);
  const at::Tensor given = matrix.clone();
  EXPECT_FALSE(Cholesky::attempt(matrix, {.in_place = true}));
  EXPECT_TRUE(at::equal(matrix, given));
}

TEST(Cholesky, InPlaceTakesNoSecondMatrix) {
  constexpr std::int64_t kSize = 2000;
  constexpr std::int64_t kMatrix = kSize * kSize * 8;
  const at::Tensor matrix = positive_definite(kSize);
  const at::Tensor right = normal({kSize, 10}, "right");
  at::Tensor used = matrix.clone();
  {
    const tests::AllocationCounter counter;
    const at::Tensor solution = Cholesky(used, {.in_place = true}).solve(right);
    EXPECT_LT(counter.peak_bytes(), kMatrix * 3 / 10);
    EXPECT_LE(counter.peak_bytes(),
              static_cast<std::int64_t>(plan_cholesky(kSize, true).total()) + 3 * kSize * 10 * 8);
    EXPECT_LT(relative_difference(at::matmul(matrix, solution), right), tests::kRounding);
  }
  const tests::AllocationCounter counter;
  const Cholesky cholesky(matrix);
  EXPECT_LT(counter.peak_bytes(), kMatrix * 13 / 10);
}

TEST(Cholesky, BadInputIsNamed) {
  const auto usage = ErrorKind::usage;
  const at::Tensor matrix = positive_definite(4);
  tests::expect_error(usage, {"square", "(4, 3)"}, [] { Cholesky{at::ones({4, 3})}; });
  tests::expect_error(usage, {"ridge", "negative", "-1"}, [&] { Cholesky(matrix, {.ridge = -1}); });
  tests::expect_error(usage, {"overwritten", "float64"}, [&] {
    Cholesky(matrix.to(at::kFloat), {.in_place = true});
  });
  tests::expect_error(
      usage, {"4 rows", "(5)"}, [&] { (void)Cholesky(matrix).solve(at::ones({5})); });
  tests::expect_error(ErrorKind::numeric, {"not finite"}, [] { Cholesky{at::full({3, 3}, NAN)}; });
}

TEST(ConjugateGradients, SolveSeveralRightHandSidesAtOnce) {
  const at::Tensor matrix = positive_definite(200);
  at::Tensor right = normal({200, 4}, "right");
  right.select(1, 2).zero_();
  const auto result = conjugate_gradients(dense_operator(matrix), right, {.tolerance = 1e-12});
  EXPECT_TRUE(result.converged);
  EXPECT_LT(relative_difference(result.solution, Cholesky(matrix).solve(right)), 1e-11);
  EXPECT_EQ(result.iterations[2], 0);
  EXPECT_EQ(result.residuals[2], 0);
  for (const auto c : {0, 1, 3}) {
    const at::Tensor b = right.select(1, c);
    const at::Tensor x = result.solution.select(1, c);
    const double residual = ((b - at::mv(matrix, x)).norm() / b.norm()).item<double>();
    EXPECT_LE(residual, 1e-12);
    EXPECT_NEAR(result.residuals[static_cast<std::size_t>(c)], residual, 1e-14);
    EXPECT_GT(result.iterations[static_cast<std::size_t>(c)], 5);
  }
}

TEST(ConjugateGradients, IterationsAllocateNoStorage) {
  constexpr std::int64_t kSize = 50'000;  // enough for LibTorch to share the work between threads
  const at::Tensor diagonal = at::linspace(1, 100, kSize, at::kDouble).unsqueeze(1);
  for (const std::int64_t columns : {1, 3}) {
    const at::Tensor right = normal({kSize, columns}, "right");
    std::unique_ptr<tests::AllocationCounter> counter;
    std::int64_t allocations = -1;
    int products = 0;
    const SymmetricOperator op = [&](const at::Tensor& v, at::Tensor& out) {
      at::mul_out(out, v, diagonal);
      ++products;
      if (products == 2) counter = std::make_unique<tests::AllocationCounter>();
      if (products == 12) allocations = counter->count();
    };
    conjugate_gradients(
        op,
        right,
        {.max_products = 15,
         .tolerance = 0,
         .preconditioner = [](const at::Tensor& v, at::Tensor& out) { out.copy_(v); }});
    EXPECT_EQ(allocations, 0) << columns << " right-hand sides";
  }
}

TEST(Cholesky, InFloat32IsThatOfFloat64) {
  const at::Tensor matrix = positive_definite(600);
  const at::Tensor right = normal({600, 3}, "right");
  const Cholesky factor(matrix, {.type = at::kFloat});
  EXPECT_EQ(factor.jitter(), 0);
  const at::Tensor solution = factor.solve(right);
  EXPECT_EQ(solution.scalar_type(), at::kDouble);
  EXPECT_LT(relative_difference(at::matmul(matrix, solution), right), 1e-3);
  at::Tensor single = matrix.to(at::kFloat);
  const Cholesky in_place(single, {.in_place = true, .type = at::kFloat});
  EXPECT_LT(relative_difference(in_place.solve(right), solution), tests::kRoundingSingle);
  // Singular to float32: the first jitter that it can tell from nothing serves.
  const at::Tensor root = normal({300, 20}, "root");
  const Cholesky singular(at::matmul(root, root.t()), {.largest_jitter = 1e-4, .type = at::kFloat});
  EXPECT_GE(singular.relative_jitter(), 1e-6);
}

TEST(ConjugateGradients, EndInAsManyStepsAsThereAreEigenvalues) {
  const at::Tensor matrix = at::diag(at::tensor({1.0, 1.0, 4.0, 4.0, 9.0, 9.0}, at::kDouble));
  const auto result = conjugate_gradients(dense_operator(matrix), at::ones({6}, at::kDouble));
  EXPECT_TRUE(result.converged);
  EXPECT_EQ(result.iterations[0], 3);
  EXPECT_EQ(result.products, 4);  // and one for the residual
}

/// A coarse operator that is off by a hundredth carries the iteration, and M itself is multiplied
/// once for each fivefold reduction; one that is off by everything is dropped.
TEST(ConjugateGradients, CoarseOperatorCarriesTheIteration) {
  const at::Tensor matrix = positive_definite(200);
  const at::Tensor right = normal({200}, "right");
  const at::Tensor noise = normal({200, 200}, "noise");
  const at::Tensor near = matrix + 0.002 * (noise + noise.t());  // of norm 0.08, lambda_min is 1
  const at::Tensor far = 2 * at::eye(200, at::kDouble);
  const auto solve = [&](const at::Tensor& coarse, int& fine_products) {
    const auto fine = dense_operator(matrix);
    return conjugate_gradients(
        [&](const at::Tensor& v, at::Tensor& out) {
          ++fine_products;
          fine(v, out);
        },
        right,
        {.tolerance = 1e-8, .coarse = dense_operator(coarse)});
  };
  int with_near = 0;
  int with_far = 0;
  for (const auto& [coarse, count] : {std::pair{near, &with_near}, std::pair{far, &with_far}}) {
    const auto result = solve(coarse, *count);
    EXPECT_TRUE(result.converged);
    EXPECT_LE((right - at::mv(matrix, result.solution)).norm().item<double>(),
              1.01e-8 * right.norm().item<double>());
  }
  EXPECT_LE(with_near, 12);  // 8 digits at 0.7 each
  EXPECT_GT(with_far, 2 * with_near);
}

TEST(ConjugateGradients, ColumnwiseOperatorIsTheSame) {
  const at::Tensor matrix = positive_definite(50);
  const SymmetricOperator single = [&](const at::Tensor& v, at::Tensor& out) {
    ASSERT_EQ(v.dim(), 1);
    out.copy_(at::mv(matrix, v));
  };
  const at::Tensor right = normal({50, 3}, "right");
  const auto together = conjugate_gradients(dense_operator(matrix), right);
  const auto apart = conjugate_gradients(columnwise(single), right);
  EXPECT_LT(relative_difference(together.solution, apart.solution), 1e-10);
}

TEST(ConjugateGradients, PreconditionerSavesIterations) {
  const at::Tensor matrix = ill_conditioned(500);
  constexpr double kRidge = 1e-4;
  const auto op = dense_operator(matrix + kRidge * at::eye(500, at::kDouble));
  const at::Tensor right = normal({500, 2}, "right");
  const auto plain = conjugate_gradients(op, right, {.tolerance = 1e-9});
  const auto helped = conjugate_gradients(
      op,
      right,
      {.tolerance = 1e-9,
       .preconditioner = nystrom_preconditioner(pivoted_cholesky(matrix, 20), kRidge)});
  EXPECT_TRUE(plain.converged);
  EXPECT_TRUE(helped.converged);
  EXPECT_LT(3 * helped.products, plain.products) << helped.products << " " << plain.products;
  EXPECT_LT(relative_difference(plain.solution, helped.solution), 1e-4);
}

TEST(ConjugateGradients, SayWhenTheyDidNotFinish) {
  const at::Tensor matrix = positive_definite(200, 1e-6);
  const auto result =
      conjugate_gradients(dense_operator(matrix), normal({200}, "right"), {.max_products = 10});
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.products, 10);
  EXPECT_GT(result.residuals[0], 1e-10);
}

TEST(ConjugateGradients, GiveUpWhereNothingIsGained) {
  // A singular system whose right-hand side is not in the range: the residual stays above that
  // part.
  at::Tensor diagonal = at::linspace(1, 2, 50, at::kDouble);
  diagonal[0] = 1e-14;
  const at::Tensor right = at::ones({50}, at::kDouble);
  const auto result = conjugate_gradients(dense_operator(at::diag(diagonal)),
                                          right,
                                          {.max_products = 500, .tolerance = 1e-3, .patience = 7});
  EXPECT_LT(result.products, 60);
}

TEST(ConjugateGradients, StopWhenTheyAreAsked) {
  const at::Tensor matrix = positive_definite(200, 1e-6);
  int asked = 0;
  const auto result = conjugate_gradients(
      dense_operator(matrix), normal({200}, "right"), {.keep_going = [&] { return ++asked < 6; }});
  EXPECT_FALSE(result.converged);
  EXPECT_LT(result.products, 8);
}

TEST(ConjugateGradients, RemainderIsTheResidual) {
  const at::Tensor matrix = positive_definite(60);
  const at::Tensor right = normal({60}, "right");
  const auto result = conjugate_gradients(dense_operator(matrix), right, {.tolerance = 1e-2});
  EXPECT_LT(relative_difference(result.remainder, right - at::mv(matrix, result.solution)),
            tests::kRounding);
}

TEST(ConjugateGradients, IndefiniteOperatorIsAnError) {
  const at::Tensor matrix = at::diag(at::tensor({1.0, -2.0}, at::kDouble));
  tests::expect_error(ErrorKind::numeric, {"operator", "not positive definite"}, [&] {
    conjugate_gradients(dense_operator(matrix), at::ones({2}, at::kDouble));
  });
}

TEST(ConjugateGradients, NumbersThatAreNotFiniteAreAnError) {
  const at::Tensor matrix = positive_definite(6);
  for (const double broken : {std::nan(""), HUGE_VAL}) {
    at::Tensor right = at::ones({6, 2}, at::kDouble);
    right[2][1] = broken;
    tests::expect_error(ErrorKind::numeric, {"right-hand side", "norm"}, [&] {
      conjugate_gradients(dense_operator(matrix), right);
    });
  }
  // Infinite products leave a residual that is no number, which is not a small one.
  const auto infinite = [](const at::Tensor& v, at::Tensor& out) { out.copy_(v).mul_(HUGE_VAL); };
  tests::expect_error(ErrorKind::numeric, {"operator", "not positive definite"}, [&] {
    conjugate_gradients(infinite, at::ones({6}, at::kDouble));
  });
}

TEST(PivotedCholesky, IsExactAtFullRankAndReadsOnlyItsColumns) {
  const at::Tensor root = normal({60, 7}, "root");
  const at::Tensor matrix = at::matmul(root, root.t());
  int columns = 0;
  const auto low_rank = pivoted_cholesky(
      matrix.diagonal(),
      [&](std::int64_t j, at::Tensor& out) {
        ++columns;
        out.copy_(matrix[j]);
      },
      60,
      1e-12);
  EXPECT_EQ(low_rank.pivots.size(), 7U);
  EXPECT_EQ(columns, 7);
  const at::Tensor product = at::matmul(low_rank.factor, low_rank.factor.t());
  EXPECT_LT(relative_difference(product, matrix), tests::kRounding);
}

TEST(PivotedCholesky, RemainingTraceIsWhatIsLeft) {
  const at::Tensor matrix = ill_conditioned(80);
  const auto low_rank = pivoted_cholesky(matrix, 4);
  const at::Tensor rest = matrix - at::matmul(low_rank.factor, low_rank.factor.t());
  EXPECT_NEAR(low_rank.remaining_trace, rest.trace().item<double>(), 1e-12 * 80);
  EXPECT_GT(at::linalg_eigvalsh(rest)[0].item<double>(), -tests::kRounding);
}

TEST(NystromPreconditioner, BringsTheLargeEigenvaluesDown) {
  const at::Tensor matrix = ill_conditioned(100);
  const auto low_rank = pivoted_cholesky(matrix, 8);
  const at::Tensor model = at::matmul(low_rank.factor, low_rank.factor.t());
  at::Tensor inverse = at::empty({100, 100}, at::kDouble);
  nystrom_preconditioner(low_rank, 0.01)(at::eye(100, at::kDouble), inverse);
  // On the model itself, with its ridge, every large eigenvalue becomes the smallest of them.
  const at::Tensor ridged = model + 0.01 * at::eye(100, at::kDouble);
  const at::Tensor values = at::linalg_eigvalsh(model);
  const double level = values[92].item<double>() + 0.01;
  const at::Tensor product = at::matmul(inverse, at::matmul(ridged, model));
  EXPECT_LT(relative_difference(product, level * model), 1e-10);
  tests::expect_error(
      ErrorKind::usage, {"rank"}, [&] { nystrom_preconditioner(pivoted_cholesky(matrix, 0)); });
}

}  // namespace
}  // namespace overparam::linalg
