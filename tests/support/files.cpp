// SPDX-License-Identifier: Apache-2.0
#include "support/files.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace overparam::tests {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "overparam-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_bytes(const fs::path& path, std::string_view bytes) {
  fs::remove(path);  // journalling file systems flush a file that is cut and written again
  std::ofstream stream(path, std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

bool make_hole(const fs::path& path, std::uint64_t size) {
  std::ofstream(path, std::ios::binary | std::ios::app);
  std::error_code error;
  fs::resize_file(path, size, error);
  return !error;
}

void expect_error(ErrorKind kind,
                  std::initializer_list<std::string_view> parts,
                  const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
    for (const auto part : parts) {
      EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos)
          << "expected \"" << part << "\" in: " << error.what();
    }
  }
}

}  // namespace overparam::tests
