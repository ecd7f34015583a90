// SPDX-License-Identifier: Apache-2.0
#include "report/xml.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace overparam::report::tests {

namespace {

bool has_only_known_entities(std::string_view text) {
  for (std::size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
    const auto rest = text.substr(at);
    const bool known = std::ranges::any_of(
        std::vector<std::string_view>{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"},
        [&](std::string_view entity) { return rest.starts_with(entity); });
    if (!known) return false;
  }
  return true;
}

std::string_view take_name(std::string_view& text) {
  const auto is_name = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == ':'; };
  const auto end = std::find_if_not(text.begin(), text.end(), is_name);
  const auto name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(name.size());
  return name;
}

/// name="value" name="value" ..., each after a blank.
bool are_attributes(std::string_view text) {
  while (!text.empty()) {
    if (text.front() != ' ') return false;
    text.remove_prefix(1);
    if (take_name(text).empty() || !text.starts_with("=\"")) return false;
    const std::size_t end = text.find('"', 2);
    if (end == std::string_view::npos) return false;
    if (text.substr(0, end).find('<') != std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

std::string xml_fault(std::string_view text) {
  std::vector<std::string_view> open;
  std::size_t roots = 0;
  if (!has_only_known_entities(text)) return "a bare &";
  while (true) {
    const std::size_t start = text.find('<');
    if (start == std::string_view::npos) break;
    const std::size_t end = text.find('>', start);
    if (end == std::string_view::npos) return "a tag without its end";
    std::string_view tag = text.substr(start + 1, end - start - 1);
    text.remove_prefix(end + 1);
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return "unexpected <" + std::string(tag);
      open.pop_back();
      continue;
    }
    const bool is_empty = tag.ends_with('/');
    if (is_empty) tag.remove_suffix(1);
    const auto name = take_name(tag);
    if (name.empty() || !are_attributes(tag)) {
      return "not a tag: <" + std::string(name) + std::string(tag);
    }
    if (open.empty() && ++roots > 1) return "a second root <" + std::string(name);
    if (!is_empty) open.push_back(name);
  }
  return open.empty() ? "" : "not closed: <" + std::string(open.back());
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++found;
  }
  return found;
}

}  // namespace overparam::report::tests
