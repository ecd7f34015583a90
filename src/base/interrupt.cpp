// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/interrupt.hpp"

#include <csignal>

namespace overparam::base {

namespace {

volatile std::sig_atomic_t received_signal = 0;

void remember(int signal) {
  if (received_signal == signal) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  received_signal = signal;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = remember;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int interrupt_signal() noexcept { return received_signal; }

void set_interrupt(int signal) noexcept { received_signal = signal; }

}  // namespace overparam::base
