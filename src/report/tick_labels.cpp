// SPDX-License-Identifier: Apache-2.0
#include "tick_labels.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "markup.hpp"

namespace overparam::report {

namespace {

constexpr double kExponentSize = 0.72;  // relative to the digits

}  // namespace

std::string tick_markup(const NumberText& label, double font_size) {
  const std::string base = typeset_base(label);
  if (label.exponent.empty()) return base;
  return fmt::format(R"({}<tspan dy="-5" font-size="{}">{}</tspan>)",
                     base,
                     kExponentSize * font_size,
                     typeset_exponent(label));
}

double tick_width(const NumberText& label, double font_size) {
  return text_width(typeset_base(label), font_size) +
         text_width(typeset_exponent(label), kExponentSize * font_size);
}

double widest_tick(const std::vector<Tick>& all, double font_size) {
  double width = 0;
  for (const auto& tick : all) {
    if (tick.labelled) width = std::max(width, tick_width(tick.label, font_size));
  }
  return width;
}

}  // namespace overparam::report
