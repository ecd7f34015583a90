// SPDX-License-Identifier: Apache-2.0
// Small files in every format that the readers know, made byte by byte.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace overparam::tests {

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

template <typename Number>
std::string little_endian(Number value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> 8 * i & 0xff);
  }
  return bytes;
}

/// `count` bytes 0, 1, 2, ... (mod 256).
inline std::string ramp(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i);
  return bytes;
}

inline std::string idx(std::initializer_list<std::uint32_t> sizes, std::string_view elements) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const auto size : sizes) bytes += big_endian(size);
  return bytes + std::string(elements);
}

inline std::string gzip(std::string_view plain) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, plain.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// An uncompressed zip archive of `members` (name, contents): what numpy.savez writes.
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string archive;
  std::string directory;
  for (const auto& [name, contents] : members) {
    const auto checksum = static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(contents.data()), contents.size()));
    const auto size = static_cast<std::uint32_t>(contents.size());
    // Version, flags, method, time, date, then checksum, sizes and name lengths.
    const std::string common = little_endian<std::uint16_t>(20) + std::string(8, '\0') +
                               little_endian(checksum) + little_endian(size) + little_endian(size) +
                               little_endian(static_cast<std::uint16_t>(name.size())) +
                               little_endian<std::uint16_t>(0);
    directory += "PK\x01\x02" + little_endian<std::uint16_t>(20) + common + std::string(10, '\0') +
                 little_endian(static_cast<std::uint32_t>(archive.size())) + name;
    archive += "PK\x03\x04" + common + name + contents;
  }
  const auto count = static_cast<std::uint16_t>(members.size());
  return archive + directory + "PK\x05\x06" + std::string(4, '\0') + little_endian(count) +
         little_endian(count) + little_endian(static_cast<std::uint32_t>(directory.size())) +
         little_endian(static_cast<std::uint32_t>(archive.size())) + std::string(2, '\0');
}

}  // namespace overparam::tests
