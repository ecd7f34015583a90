// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace overparam::base {

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    int following = 0;
    std::uint32_t least = 0;
    if (lead >= 0xc2 && lead < 0xe0) {
      following = 1;
      least = 0x80;
    } else if (lead >= 0xe0 && lead < 0xf0) {
      following = 2;
      least = 0x800;
    } else if (lead >= 0xf0 && lead < 0xf5) {
      following = 3;
      least = 0x10000;
    } else {
      return false;
    }
    std::uint32_t point = lead & (0x3fU >> following);
    for (; following > 0; --following, ++i) {
      if (i == text.size()) return false;
      const auto next = static_cast<unsigned char>(text[i]);
      if ((next & 0xc0U) != 0x80) return false;
      point = (point << 6U) | (next & 0x3fU);
    }
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    if (point < least || surrogate || point > 0x10ffff) return false;
  }
  return true;
}

}  // namespace overparam::base
