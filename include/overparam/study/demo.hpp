// SPDX-License-Identifier: Apache-2.0
// Over-parameterisation at work, with no data and in a minute: a wide network reaches a global minimum
// on drawn digits, and narrow ones on the same data do not.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "overparam/report/page.hpp"
#include "overparam/study/run_record.hpp"
#include "overparam/study/settings.hpp"
#include "overparam/study/voice.hpp"

namespace overparam::study {

struct Demo {
  RunRecord main;
  std::vector<RunRecord> narrow;  ///< the same data and steps at smaller widths
};

/// Uses the settings' seed and threads; the rest is fixed. The main run fills `folder`.
Demo run_demo(const Settings& settings, const std::filesystem::path& folder, const Voice& voice);

nlohmann::json to_json(const Demo& demo);
report::Page demo_page(const Demo& demo);

}  // namespace overparam::study
