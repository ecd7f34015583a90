// SPDX-License-Identifier: Apache-2.0
#include "control_group.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "overparam/base/text.hpp"

namespace overparam::base {

namespace fs = std::filesystem;

namespace {

/// Where a version keeps its groups, and its names for the same three numbers.
struct Version {
  const char* mount;
  const char* limit;
  const char* use;
  const char* cache;  ///< a line of memory.stat
};

constexpr Version kFirst{"sys/fs/cgroup/memory",
                         "memory.limit_in_bytes",
                         "memory.usage_in_bytes",
                         "total_inactive_file"};
constexpr Version kSecond{"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

/// Nothing for "max", which stands for no limit.
std::optional<std::uint64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

std::uint64_t cached_in(const fs::path& path, const std::string& wanted) {
  std::ifstream file(path);
  std::string name;
  std::uint64_t bytes = 0;
  while (file >> name >> bytes) {
    if (name == wanted) return bytes;
  }
  return 0;
}

std::uint64_t available_in(const fs::path& folder, const Version& version) {
  const auto limit = number_in(folder / version.limit);
  const auto use = number_in(folder / version.use);
  if (!limit || !use) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t held =
      *use - std::min(*use, cached_in(folder / "memory.stat", version.cache));
  return *limit - std::min(*limit, held);
}

/// From the uppermost group down to this one. A container may see its own group as the uppermost
/// under a name that is not there; what can be read is then that one alone.
std::uint64_t available_along(const fs::path& mount,
                              const fs::path& group,
                              const Version& version) {
  fs::path folder = mount;
  std::uint64_t least = available_in(folder, version);
  for (const auto& part : group.relative_path()) {
    folder /= part;
    least = std::min(least, available_in(folder, version));
  }
  return least;
}

}  // namespace

std::uint64_t control_group_available(const fs::path& root) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // number:controllers:group, without controllers in the second version
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = split(line.substr(first + 1, second - first - 1), ',');
    const fs::path group = line.substr(second + 1);
    for (const auto& controller : controllers) {
      const Version* version = controller.empty()       ? &kSecond
                               : controller == "memory" ? &kFirst
                                                        : nullptr;
      if (version == nullptr) continue;
      least = std::min(least, available_along(root / version->mount, group, *version));
    }
  }
  return least;
}

}  // namespace overparam::base
