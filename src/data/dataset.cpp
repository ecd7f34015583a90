// SPDX-License-Identifier: Apache-2.0
#include "overparam/data/dataset.hpp"

#include "overparam/base/catalogue.hpp"

namespace overparam::data {

namespace {

constexpr base::EnumNames<Normalisation, 4> kNormalisations{
    {{Normalisation::footnote3, "footnote3"},
     {Normalisation::sphere, "sphere"},
     {Normalisation::unit, "unit"},
     {Normalisation::none, "none"}}};

}  // namespace

std::string Dataset::class_name(std::int64_t label) const {
  const auto index = static_cast<std::size_t>(label);
  return index < class_names.size() ? class_names[index] : std::to_string(label);
}

std::string to_string(Normalisation normalisation) {
  return base::name_in(kNormalisations, normalisation);
}

Normalisation parse_normalisation(const std::string& name) {
  return base::value_in(kNormalisations, "normalisation", name);
}

}  // namespace overparam::data
