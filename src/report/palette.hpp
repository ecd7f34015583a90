// SPDX-License-Identifier: Apache-2.0
// The fonts of every drawing, and its colours, once for light and once for dark surroundings.
#pragma once

#include <array>
#include <string>

namespace overparam::report {

inline constexpr const char* kFonts =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', "
    "sans-serif";

struct Palette {
  const char* background;
  const char* text;
  const char* soft;  // captions and tick labels
  const char* grid;
  const char* axis;
  const char* reference;
  std::array<const char*, 6> series;
};

// Series colours keep a contrast of 3:1 to the background, and were chosen by search so that the
// closest two stay apart (0.06 in OKLab, 0.13 with normal sight) under simulated protan, deutan and
// tritan vision. Markers differ in shape as well, so colour never carries meaning alone.
inline constexpr Palette kLight{
    .background = "#ffffff",
    .text = "#1b1f24",
    .soft = "#57606a",
    .grid = "#e6e9ed",
    .axis = "#8c959f",
    .reference = "#8c959f",
    .series = {"#3d5bbf", "#e8500a", "#218c8c", "#ab1a75", "#8c8040", "#2d9be4"}};

inline constexpr Palette kDark{
    .background = "#14161a",
    .text = "#e6e8eb",
    .soft = "#a3abb5",
    .grid = "#2a2f36",
    .axis = "#6e7781",
    .reference = "#848d97",
    .series = {"#6b99ff", "#fd6f26", "#4ad9a9", "#c173ac", "#fbc324", "#a4ebff"}};

/// Colours of low to high values, the same on light and on dark: violet, blue, green, yellow, with
/// lightness and hue in even steps of OKLCh, so that equal differences look equal and the order is
/// seen without colour.
inline constexpr std::array<const char*, 13> kScale{"#432088",
                                                    "#383c93",
                                                    "#29539a",
                                                    "#16679d",
                                                    "#02799f",
                                                    "#088b9f",
                                                    "#229b9e",
                                                    "#3cab9a",
                                                    "#59ba94",
                                                    "#79c889",
                                                    "#9ed379",
                                                    "#c7dc62",
                                                    "#f5e141"};

struct Rgb {
  double red = 0;  ///< 0 to 255, as the others
  double green = 0;
  double blue = 0;
};

/// The colour at a share from 0 to 1 of the scale, linear between its entries.
Rgb scale_rgb(double share);

/// That colour as "#rrggbb", in light of that brightness.
std::string scale_colour(double share, double brightness = 1);

/// Whether black stands out from that colour rather than white.
bool scale_is_bright(double share);

/// `{ --background: ...; --series-0: ...; }`, to follow a selector.
std::string css_variables(const Palette& palette);

/// Rules that recolour a drawing's classes by those variables.
std::string css_classes();

}  // namespace overparam::report
