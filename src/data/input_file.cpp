// SPDX-License-Identifier: Apache-2.0
#include "input_file.hpp"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "overparam/base/deflate.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::data {

namespace fs = std::filesystem;

namespace {

constexpr unsigned kBuffer = 1 << 17;
constexpr std::uint64_t kChunk = 1 << 20;

}  // namespace

InputFile::InputFile(const fs::path& path) : name_(path.string()) {
  std::error_code error;
  base::require(
      !fs::is_directory(path, error), ErrorKind::data, "cannot read {}: it is a folder", name_);
  errno = 0;
  file_ = ::gzopen(path.c_str(), "rb");
  base::require(file_ != nullptr,
                ErrorKind::data,
                "cannot read {}: {}",
                name_,
                std::strerror(errno != 0 ? errno : ENOMEM));
  ::gzbuffer(file_, kBuffer);
  const std::uint64_t size = fs::file_size(path, error);
  // What is no regular file has no size, and may go on for ever.
  size_ = error ? std::numeric_limits<std::uint64_t>::max() / base::kMostInflated : size;
}

InputFile::~InputFile() { ::gzclose(file_); }

std::size_t InputFile::read(std::span<char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto wanted = static_cast<unsigned>(std::min<std::uint64_t>(out.size() - done, kChunk));
    errno = 0;
    const int count = ::gzread(file_, out.data() + done, wanted);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
      position_ += static_cast<std::uint64_t>(count);
      continue;
    }
    // At the end of gzip data that stop before their trailer zlib reports Z_BUF_ERROR.
    int code = Z_OK;
    const std::string reason = ::gzerror(file_, &code);
    if (code == Z_OK || code == Z_STREAM_END) break;
    base::fail(ErrorKind::data,
               "{}: {} after {} unpacked bytes ({})",
               name_,
               code == Z_BUF_ERROR ? "the gzip data are cut short"
               : code == Z_ERRNO   ? "the read failed"
                                   : "the gzip data are damaged",
               base::format_count(static_cast<std::int64_t>(position_)),
               code == Z_ERRNO ? std::strerror(errno) : reason);
  }
  return done;
}

std::uint64_t InputFile::most_left() const {
  const std::uint64_t most = ::gzdirect(file_) != 0 ? size_ : size_ * base::kMostInflated;
  return most - std::min(most, position_);
}

std::string InputFile::take(std::uint64_t count) {
  std::string bytes;
  if (count > kChunk) {
    const std::uint64_t most = std::min(count, most_left());
    base::plan_reading(name_, most);
    // Its pages are taken as they are written; one chunk more, to see that there is no more.
    bytes.reserve(std::min(count, most + kChunk));
  }
  while (bytes.size() < count) {
    const std::size_t had = bytes.size();
    bytes.resize(had + static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, count - had)));
    const std::size_t got = read(std::span(bytes).subspan(had));
    bytes.resize(had + got);
    if (got == 0) break;
  }
  return bytes;
}

std::string first_bytes(const fs::path& path, std::uint64_t count) {
  try {
    return InputFile(path).take(count);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace overparam::data
