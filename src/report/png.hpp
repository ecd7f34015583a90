// SPDX-License-Identifier: Apache-2.0
// Small pictures as PNG.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace overparam::report {

/// A PNG of 8 bits a channel, row by row; channels is 1 (grey), 3 (red, green, blue) or 4 (with
/// opacity) and the innermost index.
std::string encode_png(int width,
                       int height,
                       int channels,
                       const std::vector<std::uint8_t>& samples);

std::string base64(std::string_view bytes);

}  // namespace overparam::report
