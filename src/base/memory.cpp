// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>

#include "control_group.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::base {

namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::uint64_t system_available() {
  std::ifstream file("/proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string name;
    std::uint64_t kibibytes = 0;
    if (fields >> name >> kibibytes && name == "MemAvailable:") return kibibytes * 1024;
  }
  return kUnlimited;
}

std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > kUnlimited / b ? kUnlimited : a * b;
}

}  // namespace

std::uint64_t available_memory() {
  return std::min(system_available(), control_group_available("/"));
}

std::uint64_t resident_memory() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (!(file >> size >> resident)) return peak_resident_memory();
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t peak_resident_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

void MemoryPlan::add(std::string what, std::uint64_t bytes) {
  items_.push_back({std::move(what), bytes});
}

void MemoryPlan::add(std::string what, std::vector<std::int64_t> sizes, std::uint64_t bytes_each) {
  std::uint64_t bytes = bytes_each;
  for (const auto size : sizes) {
    bytes = saturating_product(bytes, static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0)));
  }
  add(std::move(what), bytes);
}

void MemoryPlan::add(const MemoryPlan& other) {
  items_.insert(items_.end(), other.items_.begin(), other.items_.end());
}

std::uint64_t MemoryPlan::total() const {
  std::uint64_t sum = 0;
  for (const auto& item : items_)
    sum = item.bytes > kUnlimited - sum ? kUnlimited : sum + item.bytes;
  return sum;
}

std::string MemoryPlan::describe() const {
  auto sorted = items_;
  std::ranges::stable_sort(sorted, std::greater{}, &Item::bytes);
  std::vector<std::string> parts;
  for (const auto& item : sorted) {
    parts.push_back(fmt::format("{} {}", item.what, format_bytes(item.bytes)));
  }
  return fmt::format("{}: {} ({})", purpose_, format_bytes(total()), join(parts, ", "));
}

namespace {

std::uint64_t bound_of(std::uint64_t limit) { return limit > 0 ? limit : available_memory(); }

}  // namespace

bool MemoryPlan::fits(std::uint64_t limit) const { return total() <= bound_of(limit); }

void MemoryPlan::check(std::uint64_t limit) const {
  const std::uint64_t bound = bound_of(limit);
  require(total() <= bound,
          ErrorKind::capacity,
          "would not fit the {} of memory {}: {}",
          format_bytes(bound),
          limit > 0 ? "allowed" : "available",
          describe());
}

}  // namespace overparam::base
