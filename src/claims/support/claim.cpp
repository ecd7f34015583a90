// SPDX-License-Identifier: Apache-2.0
#include "overparam/claims/claim.hpp"

#include <cmath>

#include "overparam/base/catalogue.hpp"
#include "overparam/base/require.hpp"

namespace overparam::claims {

namespace {

double value_of(const Values& values, const std::string& name, const std::string& where) {
  const auto entry = values.find(name);
  base::ensure(entry != values.end(), "{}: there is no value \"{}\"", where, name);
  return entry->second;
}

constexpr base::EnumNames<Scale, 3> kScales{
    {{Scale::quick, "quick"}, {Scale::standard, "standard"}, {Scale::full, "full"}}};

}  // namespace

double Point::at(const std::string& name) const { return value_of(settings, name, design); }

double Point::get(const std::string& name, double fallback) const {
  const auto entry = settings.find(name);
  return entry == settings.end() ? fallback : entry->second;
}

std::int64_t Point::integer(const std::string& name) const { return std::llround(at(name)); }

std::uint64_t Point::seed() const { return static_cast<std::uint64_t>(integer("seed")); }

std::string Point::describe() const {
  std::string text;
  for (const auto& [name, value] : settings) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  }
  return text;
}

double Row::at(const std::string& name) const { return value_of(values, name, design); }

std::vector<Point> points_of(const Design& design, std::uint64_t first_seed) {
  std::vector<Point> points{{design.name, design.fixed}};
  std::vector<Axis> axes = design.axes;
  Axis seeds{"seed", {}};
  for (int k = 0; k < design.seeds; ++k) {
    seeds.values.push_back(static_cast<double>(first_seed) + k);
  }
  axes.push_back(std::move(seeds));
  for (const auto& axis : axes) {
    std::vector<Point> product;
    for (const auto& point : points) {
      for (const double value : axis.values) {
        product.push_back(point);
        product.back().settings[axis.name] = value;
      }
    }
    points = std::move(product);
  }
  return points;
}

const Claim& find_claim(const std::string& id) {
  std::vector<std::string> ids;
  for (const auto& claim : claims()) {
    if (claim.id == id) return claim;
    ids.push_back(claim.id);
  }
  base::fail_unknown("claim", id, ids);
}

std::string to_string(VerdictKind kind) {
  static constexpr base::EnumNames<VerdictKind, 6> kNames{
      {{VerdictKind::tight, "tight"},
       {VerdictKind::consistent, "consistent"},
       {VerdictKind::loose, "loose"},
       {VerdictKind::refuted, "refuted"},
       {VerdictKind::inconclusive, "inconclusive"},
       {VerdictKind::assumptions_not_met, "assumptions-not-met"}}};
  return base::name_in(kNames, kind);
}

std::string to_string(Bound bound) {
  static constexpr base::EnumNames<Bound, 3> kNames{
      {{Bound::upper, "upper"}, {Bound::lower, "lower"}, {Bound::exact, "exact"}}};
  return base::name_in(kNames, bound);
}

std::string to_string(Group group) {
  static constexpr base::EnumNames<Group, 12> kNames{
      {{Group::convergence, "Theorems 1 and 2 · convergence"},
       {Group::gradient, "Theorem 3 · gradient bounds"},
       {Group::semi_smoothness, "Theorem 4 · semi-smoothness"},
       {Group::losses, "Theorem 5 · other losses"},
       {Group::architectures, "Theorems 6 and 7 · convolutional and residual networks"},
       {Group::landscape, "Figure 1 · the objective around SGD's weights"},
       {Group::initialisation, "Appendix A · random initialisation"},
       {Group::stability, "Appendix B · stability under perturbation"},
       {Group::tangent_kernel, "Theorem 5 of arXiv v5 · tangent kernel"},
       {Group::definitions, "Definitions and footnotes"},
       {Group::two_layer, "Du, Zhai, Poczos, Singh 2018 · two layers"},
       {Group::neighbours, "Works around the paper"}}};
  return base::name_in(kNames, group);
}

std::string to_string(Scale scale) { return base::name_in(kScales, scale); }

Scale parse_scale(const std::string& name) { return base::value_in(kScales, "scale", name); }

}  // namespace overparam::claims
