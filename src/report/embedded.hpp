// SPDX-License-Identifier: Apache-2.0
// The files of web/, carried inside the library so that a report needs nothing beside it.
#pragma once

#include <string_view>

namespace overparam::report::embedded {

std::string_view page_html();
std::string_view page_css();
std::string_view chart_tools_js();  ///< what the next two share
std::string_view figures_js();
std::string_view surfaces_js();
std::string_view draw_charts_js();
std::string_view page_js();
std::string_view charts_js();     ///< the chart library; empty in a build without it
std::string_view charts_3d_js();  ///< the same with what draws surfaces

}  // namespace overparam::report::embedded
