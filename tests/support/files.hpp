// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "overparam/base/error.hpp"

namespace overparam::tests {

/// A fresh folder that disappears with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// Writes bytes as they are.
void write_bytes(const std::filesystem::path& path, std::string_view bytes);

/// Lengthens a file, or makes one, with zeros that take no room. False where the file system has no
/// such files.
bool make_hole(const std::filesystem::path& path, std::uint64_t size);

/// Expects `action` to throw Error of this kind whose message holds every one of `parts`.
void expect_error(ErrorKind kind,
                  std::initializer_list<std::string_view> parts,
                  const std::function<void()>& action);

}  // namespace overparam::tests
