// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, in plain text and in markup.
#pragma once

#include <string>

namespace overparam::report {

/// digits × 10^exponent. Without an exponent the digits are the number; without digits it is a
/// power of ten.
struct NumberText {
  std::string digits;
  std::string exponent;
};

/// `digits` significant digits without padding; integers keep all theirs up to a million, and what
/// is smaller than 1e-4 or larger than 1e6 gets an exponent. Not finite: "nan", "inf", "-inf".
NumberText readable_number(double value, int digits);

/// 1.2e-05
std::string plain_number(const NumberText& number);

/// The digits with a real minus sign: "−1.2"; "NaN", "∞", "−∞".
std::string typeset_digits(const NumberText& number);

/// The exponent with a real minus sign.
std::string typeset_exponent(const NumberText& number);

/// What stands before the superscript: "2×10", "10", or the whole number if it has no exponent.
std::string typeset_base(const NumberText& number);

/// The number with its exponent in a <sup> element.
std::string number_markup(const NumberText& number);

/// The shortest text that reads back as the same double; "nan", "inf", "-inf".
std::string exact_number(double value);

}  // namespace overparam::report
