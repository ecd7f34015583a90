// SPDX-License-Identifier: Apache-2.0
// A .npz is a zip archive of .npy files. Only the central directory is trusted: local headers may
// leave sizes out. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#include <ATen/core/Tensor.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "overparam/base/array_files.hpp"
#include "overparam/base/deflate.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"

namespace overparam::base {

namespace {

struct Member {
  std::string name;
  std::uint16_t method = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t local_header_at = 0;
  std::uint32_t checksum = 0;
};

/// Little-endian reads that name the file when they would pass its end.
class Bytes {
 public:
  Bytes(std::string_view bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  template <typename Number>
  [[nodiscard]] Number at(std::uint64_t offset) const {
    Number value;
    std::memcpy(&value, slice(offset, sizeof value).data(), sizeof value);
    return value;
  }

  [[nodiscard]] std::string_view slice(std::uint64_t offset, std::uint64_t size) const {
    require(offset <= bytes_.size() && size <= bytes_.size() - offset,
            ErrorKind::data,
            "{}: cut short, needs {} bytes at {}, has {} in all",
            file_,
            size,
            offset,
            bytes_.size());
    return bytes_.substr(offset, size);
  }

  [[nodiscard]] std::string_view all() const { return bytes_; }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  std::string_view bytes_;
  std::string file_;
};

constexpr std::uint32_t kEndRecord = 0x06054b50;
constexpr std::uint32_t kEndRecord64Locator = 0x07064b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint16_t kExtra64 = 0x0001;
constexpr std::uint32_t kInExtra = 0xffffffff;

std::uint64_t directory_offset(const Bytes& bytes, std::uint64_t& entries) {
  const auto marker = bytes.all().rfind(std::string_view("PK\x05\x06", 4));
  require(marker != std::string_view::npos,
          ErrorKind::data,
          "{}: not a .npz file, or cut short (no zip directory)",
          bytes.file());
  ensure(bytes.at<std::uint32_t>(marker) == kEndRecord, "zip end record");
  entries = bytes.at<std::uint16_t>(marker + 10);
  std::uint64_t offset = bytes.at<std::uint32_t>(marker + 16);
  if (marker >= 20 && bytes.at<std::uint32_t>(marker - 20) == kEndRecord64Locator) {
    const auto record = bytes.at<std::uint64_t>(marker - 20 + 8);
    entries = bytes.at<std::uint64_t>(record + 32);
    offset = bytes.at<std::uint64_t>(record + 48);
  }
  return offset;
}

/// Sizes that do not fit 32 bits stand in the entry's extra field, in this order.
void read_extra64(const Bytes& bytes, std::uint64_t begin, std::uint64_t size, Member& member) {
  const std::uint64_t end = begin + size;
  for (std::uint64_t place = begin; place + 4 <= end;) {
    const auto id = bytes.at<std::uint16_t>(place);
    const auto length = bytes.at<std::uint16_t>(place + 2);
    std::uint64_t value_at = place + 4;
    if (id == kExtra64) {
      for (auto* value : {&member.size, &member.packed_size, &member.local_header_at}) {
        if (*value != kInExtra) continue;
        *value = bytes.at<std::uint64_t>(value_at);
        value_at += 8;
      }
    }
    place += 4 + std::uint64_t{length};
  }
}

std::vector<Member> read_directory(const Bytes& bytes) {
  std::uint64_t entries = 0;
  std::uint64_t place = directory_offset(bytes, entries);
  std::vector<Member> members;
  for (std::uint64_t i = 0; i < entries; ++i) {
    require(bytes.at<std::uint32_t>(place) == kDirectoryEntry,
            ErrorKind::data,
            "{}: the zip directory is damaged at byte {}",
            bytes.file(),
            place);
    const auto name_size = bytes.at<std::uint16_t>(place + 28);
    const auto extra_size = bytes.at<std::uint16_t>(place + 30);
    const auto comment_size = bytes.at<std::uint16_t>(place + 32);
    Member member{
        .name = std::string(bytes.slice(place + 46, name_size)),
        .method = bytes.at<std::uint16_t>(place + 10),
        .packed_size = bytes.at<std::uint32_t>(place + 20),
        .size = bytes.at<std::uint32_t>(place + 24),
        .local_header_at = bytes.at<std::uint32_t>(place + 42),
        .checksum = bytes.at<std::uint32_t>(place + 16),
    };
    read_extra64(bytes, place + 46 + name_size, extra_size, member);
    members.push_back(std::move(member));
    place += 46 + std::uint64_t{name_size} + extra_size + comment_size;
  }
  return members;
}

std::string inflate_member(std::string_view packed, const Member& member, const std::string& name) {
  // A larger claim is a lie, and not worth the memory.
  const std::uint64_t most = std::min<std::uint64_t>(packed.size() * kMostInflated + 64,
                                                     std::numeric_limits<uInt>::max() - 1);
  require(member.size <= most,
          ErrorKind::data,
          "{}: claims to unpack to {} bytes, at most {} can be read from its {}",
          name,
          member.size,
          most,
          packed.size());
  plan_reading(name, 2 * member.size);  // unpacked, and the array
  std::string unpacked(member.size, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
  stream.avail_out = static_cast<uInt>(unpacked.size());
  ensure(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "zlib did not start");
  const int result = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  require(result == Z_STREAM_END && stream.avail_out == 0,
          ErrorKind::data,
          "{}: the packed data are damaged",
          name);
  return unpacked;
}

std::string unpack(const Bytes& bytes, const Member& member, const std::string& name) {
  const std::uint64_t local = member.local_header_at;
  const std::uint64_t data_at = local + 30 + bytes.at<std::uint16_t>(local + 26) +
                                std::uint64_t{bytes.at<std::uint16_t>(local + 28)};
  const auto packed = bytes.slice(data_at, member.packed_size);
  require(member.method == 0 || member.method == 8,
          ErrorKind::data,
          "{}: packed by method {}, expected stored or deflated",
          name,
          member.method);
  std::string plain =
      member.method == 0 ? std::string(packed) : inflate_member(packed, member, name);
  const auto checksum = crc32_z(0, reinterpret_cast<const Bytef*>(plain.data()), plain.size());
  require(checksum == member.checksum, ErrorKind::data, "{}: the checksum does not match", name);
  return plain;
}

}  // namespace

std::map<std::string, at::Tensor> read_npz(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  const Bytes bytes(text, path.string());
  std::map<std::string, at::Tensor> arrays;
  for (const auto& member : read_directory(bytes)) {
    constexpr std::string_view kSuffix = ".npy";
    if (!member.name.ends_with(kSuffix)) continue;
    const std::string name = fmt::format("{} ({})", path.string(), member.name);
    arrays[member.name.substr(0, member.name.size() - kSuffix.size())] =
        parse_npy(unpack(bytes, member, name), name);
  }
  return arrays;
}

}  // namespace overparam::base
