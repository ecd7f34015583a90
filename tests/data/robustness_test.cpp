// SPDX-License-Identifier: Apache-2.0
// Damaged files: whatever happens to their bytes, reading ends in a data set or in an Error, and
// never takes much memory.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "data/small_files.hpp"
#include "overparam/base/random.hpp"
#include "overparam/data/sources.hpp"
#include "support/files.hpp"

namespace overparam::data {
namespace {

using base::Random;
using base::Stream;
using tests::SmallFile;
using tests::TemporaryFolder;
using tests::write_bytes;

/// Lets the process take `bytes` more of address space while it lives, so that any larger
/// allocation fails. The sanitizers reserve address space of their own and are left alone.
class MemoryCap {
 public:
  explicit MemoryCap([[maybe_unused]] std::uint64_t bytes) {
#ifndef __SANITIZE_ADDRESS__
    getrlimit(RLIMIT_AS, &former_);
    std::ifstream status("/proc/self/statm");
    std::uint64_t pages = 0;
    status >> pages;
    const rlimit limit{.rlim_cur = pages * 4096 + bytes, .rlim_max = former_.rlim_max};
    setrlimit(RLIMIT_AS, &limit);
#endif
  }
  ~MemoryCap() {
#ifndef __SANITIZE_ADDRESS__
    setrlimit(RLIMIT_AS, &former_);
#endif
  }
  MemoryCap(const MemoryCap&) = delete;
  MemoryCap& operator=(const MemoryCap&) = delete;

 private:
  rlimit former_{};
};

TEST(MemoryCap, RefusesWhatIsLarger) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer manages the address space itself";
#endif
  const MemoryCap cap(100 << 20);
  const auto allocate = [](std::int64_t bytes) { at::empty({bytes}, at::kByte); };
  EXPECT_NO_THROW(allocate(10 << 20));
  EXPECT_THROW(allocate(200 << 20), c10::Error);
}

/// What became of the damaged files of one kind.
struct Tally {
  int read = 0;
  int refused = 0;
};

class DamagedFiles : public testing::TestWithParam<SmallFile> {
 protected:
  void read_with(const std::string& bytes, const std::string& damage) {
    const auto path = folder_ / GetParam().name;
    write_bytes(path, bytes);
    try {
      read_dataset(path);
      ++tally_.read;
    } catch (const Error& error) {
      ++tally_.refused;
      EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(ErrorKind::data))
          << damage << ": " << error.what();
    } catch (const std::exception& other) {
      ADD_FAILURE() << damage << ": " << other.what();
    }
  }

  TemporaryFolder folder_;
  Tally tally_;
};

TEST_P(DamagedFiles, AreReadOrRefused) {
  const std::string good = GetParam().bytes;
  tests::write_small_file(folder_.path(), GetParam());
  // Once undamaged, so that thread pools and tables are there before memory is counted.
  read_dataset(folder_ / GetParam().name);

  const MemoryCap cap(100 << 20);
  Random random(Stream(1, "damage " + GetParam().name));
  const auto size = static_cast<std::int64_t>(good.size());

  for (std::int64_t length = 0; length < std::min<std::int64_t>(size, 150); ++length) {
    read_with(good.substr(0, static_cast<std::size_t>(length)), fmt::format("cut to {}", length));
  }
  // Headers are where damage does most harm.
  const std::int64_t header = std::min<std::int64_t>(size, 16);
  for (std::int64_t place = 0; place < header; ++place) {
    for (const int value : {0, 1, 2, 3, 8, 9, 10, 39, 64, 127, 128, 255}) {
      std::string bytes = good;
      bytes[static_cast<std::size_t>(place)] = static_cast<char>(value);
      read_with(bytes, fmt::format("byte {} = {}", place, value));
    }
  }
  for (int trial = 0; trial < 600; ++trial) {
    std::string bytes = good;
    const std::int64_t changes = 1 + random.below(4);
    for (std::int64_t change = 0; change < changes; ++change) {
      bytes[static_cast<std::size_t>(random.below(size))] = static_cast<char>(random.below(256));
    }
    read_with(bytes, fmt::format("trial {}", trial));
  }
  EXPECT_GT(tally_.refused, 100);
}

INSTANTIATE_TEST_SUITE_P(Formats,
                         DamagedFiles,
                         testing::ValuesIn(tests::small_files()),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace overparam::data
