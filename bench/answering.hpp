// SPDX-License-Identifier: Apache-2.0
// What every worker's main is.
#pragma once

#include <exception>
#include <iostream>
#include <string>

#include "overparam/base/blas.hpp"
#include "overparam/base/threads.hpp"

namespace overparam::bench {

/// Answers each command on standard input by one line, on all cores, until the input ends.
/// @param answer(session, command, input): what to print; takes the command's words from the input
/// @return what main returns
template <typename Session, typename Answer>
int answer_commands(const Answer& answer) try {
  base::use_fast_blas_kernels();
  const base::ThreadGuard threads(0);
  Session session{};
  for (std::string command; std::cin >> command;) {
    std::cout << answer(session, command, std::cin) << std::endl;
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}

}  // namespace overparam::bench
