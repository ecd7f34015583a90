// SPDX-License-Identifier: Apache-2.0
#include "palette.hpp"

#include <fmt/core.h>

namespace overparam::report {

std::string css_variables(const Palette& palette) {
  std::string out = fmt::format(
      "{{ --background: {}; --text: {}; --soft: {}; --grid: {}; --axis: {}; --reference: {};",
      palette.background,
      palette.text,
      palette.soft,
      palette.grid,
      palette.axis,
      palette.reference);
  for (std::size_t i = 0; i < palette.series.size(); ++i) {
    out += fmt::format(" --series-{}: {};", i, palette.series[i]);
  }
  return out + " }";
}

std::string css_classes() {
  std::string out =
      ".ov-b{fill:var(--background)}.ov-t{fill:var(--text)}.ov-s{fill:var(--soft)}"
      ".ov-g{stroke:var(--grid)}.ov-a{stroke:var(--axis)}"
      ".ov-rs{stroke:var(--reference)}.ov-rf{fill:var(--reference)}"
      ".ov-m{stroke:var(--background)}";
  for (std::size_t i = 0; i < kLight.series.size(); ++i) {
    out += fmt::format(".ov-{0}s{{stroke:var(--series-{0})}}.ov-{0}f{{fill:var(--series-{0})}}", i);
  }
  return out + '\n';
}

}  // namespace overparam::report
