// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "overparam/base/memory.hpp"
#include "overparam/base/require.hpp"

namespace overparam::base {

namespace fs = std::filesystem;

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), temporary_(path_) {
  temporary_ += ".XXXXXX";
  std::string pattern = temporary_.string();
  descriptor_ = ::mkstemp(pattern.data());
  if (descriptor_ < 0) fail_to_write(errno);
  temporary_ = pattern;
  ::fchmod(descriptor_, 0644);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::fail_to_write(int error_number) const {
  const bool full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
  fail(full ? ErrorKind::capacity : ErrorKind::usage,
       "cannot write {}: {}",
       path_.string(),
       std::strerror(error_number));
}

void AtomicFile::write(const void* bytes, std::size_t count) {
  const char* next = static_cast<const char*>(bytes);
  while (count > 0) {
    const ::ssize_t written = ::write(descriptor_, next, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_to_write(errno);
    next += written;
    count -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  // Network file systems report a full device only when the file is closed.
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed == 0 && ::rename(temporary_.c_str(), path_.c_str()) == 0) return;
  const int reason = errno;
  ::unlink(temporary_.c_str());
  fail_to_write(reason);
}

void write_file(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

std::string read_file(const fs::path& path) {
  std::error_code error;
  require(!fs::is_directory(path, error),
          ErrorKind::data,
          "cannot read {}: it is a folder",
          path.string());
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  require(stream.good(),
          ErrorKind::data,
          "cannot read {}: {}",
          path.string(),
          std::strerror(errno != 0 ? errno : ENOENT));
  std::string text;
  const auto size = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  if (!error && size > 0) {
    plan_reading(path, size);
    text.resize(size);
    stream.read(text.data(), static_cast<std::streamsize>(size));
    text.resize(static_cast<std::size_t>(stream.gcount()));
  } else {  // pipes, and the kernel's files, which tell no size
    std::ostringstream whole;
    whole << stream.rdbuf();
    text = std::move(whole).str();
  }
  require(!stream.bad(), ErrorKind::data, "cannot read {}: the read failed", path.string());
  return text;
}

void plan_reading(const fs::path& path, std::uint64_t bytes) {
  constexpr std::uint64_t kAlwaysThere = 64 << 20;
  if (bytes <= kAlwaysThere) return;
  MemoryPlan plan("reading " + path.string());
  plan.add("what is read", bytes);
  plan.check();
}

void make_writable_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error && fs::is_directory(folder),
          ErrorKind::usage,
          "cannot make the folder {}: {}",
          folder.string(),
          error ? error.message() : "a file is in its place");
  require(::access(folder.c_str(), W_OK | X_OK) == 0,
          ErrorKind::usage,
          "cannot write into the folder {}: {}",
          folder.string(),
          std::strerror(errno));
}

}  // namespace overparam::base
