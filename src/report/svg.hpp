// SPDX-License-Identifier: Apache-2.0
// The few SVG elements that drawings are made of.
#pragma once

#include <string>

#include "palette.hpp"

namespace overparam::report {

/// A coordinate with two decimals at most, without trailing zeros.
std::string coordinate(double value);

/// The opening tag; `description` is what a screen reader says.
std::string open_svg(double width, double height, const std::string& description);

/// What a drawing outside a page needs: a title for the window, colours for dark surroundings and
/// a background.
std::string free_standing_head(const std::string& title);

struct TextStyle {
  double font_size = 12;
  const char* anchor = "start";
  bool soft = false;
  bool bold = false;
};

/// `markup` is placed as it is: escape it first.
std::string text_element(double x, double y, const TextStyle& style, const std::string& markup);

inline constexpr TextStyle kTitleStyle{.font_size = 16, .bold = true};

/// The width of a title in that style, an estimate.
double title_width(const std::string& title);

}  // namespace overparam::report
