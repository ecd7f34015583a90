// SPDX-License-Identifier: Apache-2.0
// Numbers and names as text: strict parsing, readable formatting, and "did you mean".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace overparam::base {

/// The whole of `text` as a number, or nothing: no leading or trailing characters, no locale.
/// Accepts "nan" and "inf" so that the caller can name them in its message.
std::optional<double> parse_number(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);

/// A size such as "4GiB", "512 MiB" or "1e9" (bytes); nothing if it is not one.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);

/// "1.5 GiB", "12 ms" or "3 min 20 s", "12,800": for people, not for parsers.
std::string format_bytes(std::uint64_t bytes);
std::string format_seconds(double seconds);
std::string format_count(std::int64_t count);

/// A number with `digits` significant digits and no padding: 0.0031, 1.2e-05, 128.
std::string format_number(double value, int digits = 3);

/// The candidate that a mistyped `word` most likely meant, if any is close enough.
std::optional<std::string> closest_match(std::string_view word,
                                         std::span<const std::string> candidates);

/// " (did you mean \"width\"?)", or nothing where no candidate is close.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

/// 64-bit FNV-1a: a stable name for a text, the same on every machine. Not for secrets.
std::uint64_t stable_hash(std::string_view text);

/// The stable hash as 16 hexadecimal digits.
std::string stable_key(std::string_view text);

}  // namespace overparam::base
