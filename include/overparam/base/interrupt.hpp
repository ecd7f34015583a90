// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM as a question that long loops ask between two steps.
#pragma once

namespace overparam::base {

/// Makes SIGINT and SIGTERM set the flag below instead of ending the process. A second signal of
/// the same kind ends it at once. Only a program may call this, never the library.
void catch_interrupts();

/// The signal that asked this process to stop, or 0.
[[nodiscard]] int interrupt_signal() noexcept;
[[nodiscard]] inline bool interrupted() noexcept { return interrupt_signal() != 0; }

/// For tests: as if `signal` had arrived (0 clears it).
void set_interrupt(int signal) noexcept;

}  // namespace overparam::base
