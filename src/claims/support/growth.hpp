// SPDX-License-Identifier: Apache-2.0
// Polynomial or exponential: which of two models with two parameters each explains a quantity that
// changes with depth.
#pragma once

#include <functional>
#include <string>

#include "overparam/claims/claim.hpp"

namespace overparam::claims {

enum class Trend { grows, falls };

/// How much better y = a e^{b x} explains the means of log y at the levels of x than y = a x^p:
/// Akaike's criterion of the power law minus that of the exponential, N log(RSS_power /
/// RSS_exponential). Above 2 the exponential is the better model by the usual rule, below -2 the
/// power law. 0 where y does not follow the costly trend at all, NaN for fewer than four levels.
std::function<double(const std::vector<Row>&)> exponential_evidence(const std::string& design,
                                                                    const std::string& x,
                                                                    const std::string& y,
                                                                    Trend costly);

/// e^b of the fit y = a e^{b x}: the factor a layer.
std::function<double(const std::vector<Row>&)> factor_per_layer(const std::string& design,
                                                                const std::string& x,
                                                                const std::string& y);

}  // namespace overparam::claims
