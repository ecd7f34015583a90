// SPDX-License-Identifier: Apache-2.0
// From records to tables and pages: the words around the numbers.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "overparam/report/page.hpp"
#include "overparam/study/run_record.hpp"
#include "overparam/study/sweep.hpp"

namespace overparam::study {

/// The result of a run in two columns.
report::Table run_table(const RunRecord& record);

/// Quantities of the run beside the bounds of the theorems, one line each.
report::Table certificate_table(const RunRecord& record);
nlohmann::json certificate_json(const RunRecord& record);
bool certificate_holds(const RunRecord& record);

/// The page of one run: numbers, curves, certificate, data, settings.
report::Page run_page(const RunRecord& record);

/// The charts of a run. `others` adds the objectives of further runs of the same data, by name.
report::Figure objective_figure(
    const RunRecord& record,
    const std::vector<std::pair<std::string, const RunRecord*>>& others = {});
report::Figure distance_figure(const RunRecord& record);
report::Figure signs_figure(const RunRecord& record);
report::Figure spectrum_figure(const RunRecord& record);

/// Machine and versions, as `environment_json` gives them.
report::Table environment_table(const nlohmann::json& environment);

/// Settings, machine and versions, folded.
report::Details origin_details(const std::string& settings_toml,
                               const nlohmann::json& environment,
                               std::uint64_t peak_memory,
                               const std::string& created);

report::Table fit_table(const SweepResult& result);

}  // namespace overparam::study
