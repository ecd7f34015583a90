// SPDX-License-Identifier: Apache-2.0
// The PNG specification (W3C, third edition): signature, IHDR, one IDAT with unfiltered rows, IEND.
#include "png.hpp"

#include <zlib.h>

#include "overparam/base/require.hpp"

namespace overparam::report {

namespace {

void append_big_endian(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFFU);
}

/// Length, name, data, and the checksum of name and data.
void append_chunk(std::string& out, std::string_view name, std::string_view data) {
  append_big_endian(out, static_cast<std::uint32_t>(data.size()));
  const std::string named = std::string(name) + std::string(data);
  out += named;
  append_big_endian(
      out,
      static_cast<std::uint32_t>(
          crc32(0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size()))));
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(out.data()),
                               &size,
                               reinterpret_cast<const Bytef*>(bytes.data()),
                               static_cast<uLong>(bytes.size()),
                               Z_BEST_COMPRESSION);
  base::ensure(status == Z_OK, "encode_png: zlib returned {}", status);
  out.resize(size);
  return out;
}

}  // namespace

std::string encode_png(int width,
                       int height,
                       int channels,
                       const std::vector<std::uint8_t>& samples) {
  base::ensure(width > 0 && height > 0 && (channels == 1 || channels == 3 || channels == 4) &&
                   samples.size() == static_cast<std::size_t>(width) *
                                         static_cast<std::size_t>(height) *
                                         static_cast<std::size_t>(channels),
               "encode_png: {} samples for {} x {} pixels of {} channels",
               samples.size(),
               width,
               height,
               channels);
  constexpr char kDepth = 8;
  constexpr char kGrey = 0;
  constexpr char kColour = 2;
  constexpr char kColourWithOpacity = 6;
  std::string header;
  append_big_endian(header, static_cast<std::uint32_t>(width));
  append_big_endian(header, static_cast<std::uint32_t>(height));
  const char kind = channels == 1 ? kGrey : channels == 3 ? kColour : kColourWithOpacity;
  header += {kDepth, kind, 0, 0, 0};

  const auto row = static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  std::string rows;
  for (std::size_t start = 0; start < samples.size(); start += row) {
    rows += '\0';  // no filter
    rows.append(reinterpret_cast<const char*>(samples.data()) + start, row);
  }

  std::string out = "\x89PNG\r\n\x1a\n";
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", deflated(rows));
  append_chunk(out, "IEND", "");
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool padding = i + j > bytes.size();
      out += padding ? '=' : kDigits[group >> (18 - 6 * j) & 0x3FU];
    }
  }
  return out;
}

}  // namespace overparam::report
