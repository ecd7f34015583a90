// SPDX-License-Identifier: Apache-2.0
#include "support/stability.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/experiment.hpp"
#include "support/perturbations.hpp"

namespace overparam::claims {

namespace {

constexpr std::int64_t kSamples = 5;

/// Everything that the lemmas compare, at one network: per layer 1..L.
struct Passes {
  std::vector<at::Tensor> features;         // h_l, (n, m)
  std::vector<at::Tensor> pre_activations;  // g_l, (n, m)
  std::vector<at::Tensor> backs;            // Back_l, (n, d, m)
};

/// Both passes as the lemmas write them: a tape keeps neither g_l nor Back_l.
Passes passes_of(const net::Network& network, const at::Tensor& inputs) {
  const auto& weights = network.parameters();
  const int depth = network.architecture().num_layers() - 2;
  Passes passes;
  at::Tensor h = at::relu(at::matmul(inputs, weights[0].t()));
  for (int layer = 1; layer <= depth; ++layer) {
    passes.pre_activations.push_back(at::matmul(h, weights[layer].t()));
    h = at::relu(passes.pre_activations.back());
    passes.features.push_back(h);
  }
  at::Tensor back = weights[depth + 1].unsqueeze(0);  // (1, d, m)
  for (int layer = depth; layer >= 1; --layer) {
    const at::Tensor active = passes.features[static_cast<std::size_t>(layer) - 1] > 0;
    back = at::matmul(back * active.unsqueeze(1), weights[layer]);
    passes.backs.push_back(back);
  }
  std::ranges::reverse(passes.backs);
  return passes;
}

/// The spectral norms (n) of matrices (n, d, m).
at::Tensor spectral_norms(const at::Tensor& matrices) {
  const at::Tensor grams = at::matmul(matrices, matrices.transpose(1, 2));
  return at::linalg_eigvalsh(grams).select(1, -1).clamp_min(0).sqrt();
}

/// Compares perturbed networks with the one at the start.
class Comparison {
 public:
  Comparison(const net::Network& start, const at::Tensor& inputs)
      : inputs_(inputs), before_(passes_of(start, inputs)) {}

  /// Means over `count` samples from `first` on, the largest of each over the layers; "most_", the
  /// largest over samples and layers.
  [[nodiscard]] Values changes(const net::Network& moved,
                               std::int64_t first,
                               std::int64_t count) const {
    const auto chosen = [&](const at::Tensor& all) { return all.narrow(0, first, count); };
    const Passes after = passes_of(moved, chosen(inputs_));
    Values largest;
    for (std::size_t layer = 0; layer < before_.features.size(); ++layer) {
      const at::Tensor h = chosen(before_.features[layer]);
      const at::Tensor g = chosen(before_.pre_activations[layer]);
      const at::Tensor back = chosen(before_.backs[layer]);
      const at::Tensor flips = ((after.features[layer] > 0) != (h > 0)).sum(1).to(at::kDouble);
      const auto raise_by = [&](const std::string& name, const at::Tensor& of_samples) {
        raise(largest,
              {{name, of_samples.mean().item<double>()},
               {"most_" + name, of_samples.max().item<double>()}});
      };
      raise_by("change_h", (after.features[layer] - h).norm(2, 1));
      raise_by("change_g", (after.pre_activations[layer] - g).norm(2, 1));
      raise_by("change_back", spectral_norms(after.backs[layer] - back));
      raise_by("flips", flips);
    }
    return largest;
  }

  /// held <- the larger of each
  static void raise(Values& held, const Values& values) {
    for (const auto& [name, value] : values) held[name] = std::max(held[name], value);
  }

 private:
  at::Tensor inputs_;
  Passes before_;
};

}  // namespace

std::vector<Row> measure_stability(const Point& original, Adversary adversary) {
  Point point = original;
  point.settings.try_emplace("d", 1);
  point.settings["n"] = kSamples;
  point.settings["dx"] = 20;
  if (point.settings.contains("m_per_d")) point.settings["m"] = point.at("m_per_d") * point.at("d");
  const train::Problem problem = sphere_problem(point, at::kFloat);
  net::Network network = fc_network(point, problem);
  net::Workspace workspace(network.options());
  const double flat = point.get("flat", 0);
  if (flat > 0) flatten_rows(network, problem.inputs, flat, workspace);

  const Comparison comparison(network, problem.inputs);
  const auto random = random_direction(network, point.seed());
  net::Parameters gradient;
  {
    const net::Tape tape = network.record(problem.inputs, workspace);
    gradient = gradient_direction(network, tape, tape.outputs() - problem.targets, workspace);
  }
  std::vector<net::Tape> tapes;  // of each sample alone
  std::vector<at::Tensor> stretches;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    tapes.push_back(network.record(problem.inputs.narrow(0, i, 1), workspace));
    if (adversary == Adversary::stretch) stretches.push_back(stretch_push(network, tapes.back()));
  }
  const int depth = static_cast<int>(point.integer("L"));
  const auto worst_against = [&](std::size_t sample, double omega) {
    std::vector<at::Tensor> pushes;
    if (adversary == Adversary::stretch) {
      pushes = {stretches[sample]};
    } else {
      for (const double boost : {0.7, 1.0}) {
        pushes.push_back(flip_push(network, tapes[sample], depth, omega * boost * depth));
      }
    }
    Values worst;
    for (const auto& push : pushes) {
      const auto moved = push_adversary(network, tapes[sample], depth, push, omega);
      Comparison::raise(worst, comparison.changes(moved, static_cast<std::int64_t>(sample), 1));
    }
    return worst;
  };

  std::vector<double> radii{1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1};
  if (point.settings.contains("omega")) radii = {point.at("omega")};
  std::vector<Row> rows;
  for (const double omega : radii) {
    point.settings["omega"] = omega;
    const auto add_row = [&](const char* family, const Values& changes) {
      Row row = row_of(point, family);
      row.values.insert(changes.begin(), changes.end());
      row.values["counted"] = row.at("flips") * kSamples;
      row.values["most_back_scaled"] =
          row.at("most_change_back") / std::sqrt(row.at("m") / row.at("d"));
      rows.push_back(std::move(row));
    };
    add_row("random", comparison.changes(perturbed(network, random, omega), 0, kSamples));
    add_row("gradient", comparison.changes(perturbed(network, gradient, omega), 0, kSamples));
    Values all;
    for (std::size_t sample = 0; sample < tapes.size(); ++sample) {
      for (const auto& [name, value] : worst_against(sample, omega)) {
        const bool is_largest = name.starts_with("most_");
        all[name] = is_largest ? std::max(all[name], value) : all[name] + value / kSamples;
      }
    }
    add_row("adversarial", all);
  }
  return rows;
}

bool flips_enough(const Row& row) { return row.at("counted") >= 5 && row.at("change_h") <= 0.1; }

bool adversary_in_range(const Row& row) {
  return row.at("m") * std::pow(row.at("omega"), 2.0 / 3) >= 8 &&
         row.at("omega") * row.at("L") <= 0.1;
}

std::function<double(const std::vector<Row>&)> adversary_exponent(const std::string& column) {
  return [column](const std::vector<Row>& rows) {
    std::vector<double> exponents;
    for (const auto& run : group_by(rows_of(rows, "omega", "adversarial"), {"seed"})) {
      std::vector<double> omega;
      std::vector<double> change;
      for (const auto& row : run) {
        if (!adversary_in_range(row)) continue;
        omega.push_back(row.at("omega"));
        change.push_back(row.at(column));
      }
      exponents.push_back(linalg::fit_power_law(omega, change).exponent);
    }
    return exponents.empty() ? std::numeric_limits<double>::quiet_NaN() : linalg::mean(exponents);
  };
}

}  // namespace overparam::claims
