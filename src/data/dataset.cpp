// SPDX-License-Identifier: Apache-2.0
#include "overparam/data/dataset.hpp"

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::data {

namespace {

constexpr Normalisation kNormalisations[] = {
    Normalisation::footnote3, Normalisation::sphere, Normalisation::unit, Normalisation::none};

}  // namespace

std::string to_string(Normalisation normalisation) {
  switch (normalisation) {
    case Normalisation::footnote3:
      return "footnote3";
    case Normalisation::sphere:
      return "sphere";
    case Normalisation::unit:
      return "unit";
    case Normalisation::none:
      return "none";
  }
  base::fail(ErrorKind::internal, "no name for this normalisation");
}

Normalisation parse_normalisation(const std::string& name) {
  std::vector<std::string> names;
  for (const auto normalisation : kNormalisations) {
    names.push_back(to_string(normalisation));
    if (names.back() == name) return normalisation;
  }
  base::fail(ErrorKind::usage,
             "normalisation: expected one of {}, found \"{}\"{}",
             base::join(names, ", "),
             name,
             base::did_you_mean(name, names));
}

}  // namespace overparam::data
