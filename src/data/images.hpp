// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

namespace overparam::data {

/// Bytes 0, ..., 255 as float32 in [0, 1].
inline void pixels_to_floats(std::string_view bytes, float* out) {
  static const auto kLevels = [] {
    std::array<float, 256> levels{};
    for (std::size_t i = 0; i < levels.size(); ++i) levels[i] = static_cast<float>(i) / 255.0f;
    return levels;
  }();
  for (const char byte : bytes) *out++ = kLevels[static_cast<unsigned char>(byte)];
}

}  // namespace overparam::data
