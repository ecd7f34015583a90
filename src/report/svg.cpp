// SPDX-License-Identifier: Apache-2.0
#include "svg.hpp"

#include <fmt/core.h>

#include "markup.hpp"

namespace overparam::report {

namespace {

constexpr double kBoldIsWider = 1.06;

}  // namespace

std::string coordinate(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string open_svg(double width, double height, const std::string& description) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}\" font-family=\"{3}\">\n",
      coordinate(width),
      coordinate(height),
      escape(description),
      kFonts);
}

std::string free_standing_head(const std::string& title) {
  return fmt::format(
      "<title>{}</title>\n<style>@media (prefers-color-scheme: dark) {{ svg {}\n{}}}</style>\n"
      "<rect class=\"ov-b\" width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
      escape(title),
      css_variables(kDark),
      css_classes(),
      kLight.background);
}

std::string text_element(double x, double y, const TextStyle& style, const std::string& markup) {
  return fmt::format(
      "<text class=\"{}\" x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{}\"{} "
      "fill=\"{}\">{}</text>\n",
      style.soft ? "ov-s" : "ov-t",
      coordinate(x),
      coordinate(y),
      style.font_size,
      style.anchor,
      style.bold ? " font-weight=\"600\"" : "",
      style.soft ? kLight.soft : kLight.text,
      markup);
}

double title_width(const std::string& title) {
  return kBoldIsWider * text_width(title, kTitleStyle.font_size);
}

}  // namespace overparam::report
