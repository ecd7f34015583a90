// SPDX-License-Identifier: Apache-2.0
// One sub-command a file; main.cpp is the table.
#pragma once

#include <vector>

#include "arguments.hpp"

namespace overparam::app {

/// What each file offers: its shape on the command line, and what it does. The result is an exit
/// code.
struct Command {
  CommandShape shape;
  int (*run)(const Arguments& arguments);
};

/// The table, in the order of the help.
const std::vector<Command>& commands();
std::vector<CommandShape> command_shapes();

Command demo_command();
Command train_command();
Command verify_command();
Command sweep_command();
Command reproduce_command();
Command data_command();
Command plan_command();
Command report_command();
Command ntk_command();
Command landscape_command();
Command info_command();

}  // namespace overparam::app
