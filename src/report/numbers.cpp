// SPDX-License-Identifier: Apache-2.0
#include "numbers.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace overparam::report {

namespace {

constexpr double kSmallestFixed = 1e-4;
constexpr double kLargestFixed = 1e6;
constexpr const char* kMinus = "\u2212";

void trim_zeros(std::string& digits) {
  if (digits.find('.') == std::string::npos) return;
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
}

std::string with_real_minus(const std::string& text) {
  return text.starts_with('-') ? kMinus + text.substr(1) : text;
}

}  // namespace

NumberText readable_number(double value, int digits) {
  if (!std::isfinite(value)) return {.digits = exact_number(value)};
  if (value == 0) return {.digits = "0"};
  const int precision = std::clamp(digits, 1, 17) - 1;
  std::string scientific = fmt::format("{:.{}e}", value, precision);
  const std::size_t mark = scientific.find('e');
  const int exponent = std::stoi(scientific.substr(mark + 1));
  if (std::abs(value) >= kSmallestFixed && std::abs(value) < kLargestFixed) {
    std::string fixed = fmt::format("{:.{}f}", value, std::max(0, precision - exponent));
    trim_zeros(fixed);
    return {.digits = fixed};
  }
  scientific.erase(mark);
  trim_zeros(scientific);
  return {.digits = scientific, .exponent = std::to_string(exponent)};
}

std::string plain_number(const NumberText& number) {
  if (number.exponent.empty()) return number.digits;
  return fmt::format(
      "{}e{:+03d}", number.digits.empty() ? "1" : number.digits, std::stoi(number.exponent));
}

std::string typeset_digits(const NumberText& number) {
  if (number.digits == "nan") return "NaN";
  if (number.digits == "inf") return "\u221e";
  if (number.digits == "-inf") return std::string(kMinus) + "\u221e";
  return with_real_minus(number.digits);
}

std::string typeset_exponent(const NumberText& number) { return with_real_minus(number.exponent); }

std::string typeset_base(const NumberText& number) {
  if (number.exponent.empty()) return typeset_digits(number);
  return number.digits.empty() ? "10" : typeset_digits(number) + "\u00d710";
}

std::string number_markup(const NumberText& number) {
  if (number.exponent.empty()) return typeset_base(number);
  return fmt::format("{}<sup>{}</sup>", typeset_base(number), typeset_exponent(number));
}

std::string exact_number(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{}", value);
}

}  // namespace overparam::report
