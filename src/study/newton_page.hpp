// SPDX-License-Identifier: Apache-2.0
// What the page of a Gauss-Newton run says beside that of any run.
#pragma once

#include <string>
#include <vector>

#include "overparam/report/page.hpp"
#include "overparam/study/convergence_order.hpp"
#include "overparam/study/run_record.hpp"

namespace overparam::study {

/// Whether each of its steps was one of Gauss-Newton on all samples, so that what a step predicts
/// can be held against F.
bool has_newton_steps(const RunRecord& record);

/// F against the step, with F after each step in the network linearised before it.
report::Figure newton_figure(const RunRecord& record);

/// What each recorded step promised, cost and did.
report::Table newton_table(const RunRecord& record);

/// The steps in a table, folded where it is long, their order of convergence, and why it works.
std::vector<report::Block> newton_blocks(const RunRecord& record);

/// What was measured, and what it means for a network with kinks or without.
/// @param kinks whether the activation has signs that may flip
std::string order_text(const ConvergenceOrder& order, bool kinks);

/// "1.5 iterations of conjugate gradients a step, at most 10"; empty without steps
std::string solver_text(const RunRecord& record);

}  // namespace overparam::study
