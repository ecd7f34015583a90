// SPDX-License-Identifier: Apache-2.0
// overparam: trains wide ReLU networks to a global minimum and measures why that works.
#include <c10/util/Exception.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string_view>
#include <system_error>

#include "commands.hpp"
#include "console.hpp"
#include "overparam/base/blas.hpp"
#include "overparam/base/error.hpp"
#include "overparam/base/interrupt.hpp"
#include "overparam/base/threads.hpp"

namespace {

using namespace overparam;

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return app::kUsage;
    case ErrorKind::data:
      return app::kData;
    case ErrorKind::numeric:
      return app::kDiverged;
    case ErrorKind::capacity:
      return app::kRefused;
    case ErrorKind::internal:
      return app::kInternal;
  }
  return app::kInternal;
}

int exit_code_of(const std::error_code& code) {
  const bool full = code == std::errc::no_space_on_device || code == std::errc::file_too_large;
  return full ? app::kRefused : app::kUsage;
}

int complain(const char* message, int code) {
  std::fprintf(stderr, "overparam: %s\n", message);
  return code;
}

/// LibTorch's allocator has no exception type of its own.
bool is_out_of_memory(const c10::Error& error) {
  return std::string_view(error.what_without_backtrace()).find("t allocate memory") !=
         std::string_view::npos;
}

int run(int argc, char** argv) {
  const auto arguments = app::parse_arguments(argc, argv, app::command_shapes());
  const auto command = std::ranges::find_if(
      app::commands(), [&](const auto& entry) { return entry.shape.name == arguments.command; });
  base::catch_interrupts();
  // A limit on file sizes then is a failed write with a message, not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  const auto wanted = arguments.settings.integer("run.threads");
  const base::ThreadGuard threads(static_cast<int>(std::min<std::int64_t>(wanted, INT_MAX)));
  const int code = command->run(arguments);
  app::flush();
  return code;
}

}  // namespace

namespace overparam::app {

const std::vector<Command>& commands() {
  static const std::vector<Command> table{demo_command(),
                                          train_command(),
                                          verify_command(),
                                          sweep_command(),
                                          reproduce_command(),
                                          data_command(),
                                          plan_command(),
                                          report_command(),
                                          ntk_command(),
                                          landscape_command(),
                                          info_command()};
  return table;
}

std::vector<CommandShape> command_shapes() {
  std::vector<CommandShape> shapes;
  for (const auto& command : commands()) shapes.push_back(command.shape);
  return shapes;
}

}  // namespace overparam::app

int main(int argc, char** argv) {
  try {
    base::use_fast_blas_kernels();
    return run(argc, argv);
  } catch (const app::Answer& answer) {
    app::print(answer.text);
    return app::kDone;
  } catch (const Error& error) {
    // What was cut short has its own error, and is no fault of its input.
    if (base::interrupted()) return complain(error.what(), app::interrupted_exit());
    return complain(error.what(), exit_code_of(error.kind()));
  } catch (const c10::Error& error) {
    if (is_out_of_memory(error)) return complain("out of memory", app::kRefused);
    return complain(error.what_without_backtrace(), app::kInternal);
  } catch (const std::bad_alloc&) {
    return complain("out of memory", app::kRefused);
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(error.what(), exit_code_of(error.code()));
  } catch (const std::exception& error) {
    return complain(error.what(), app::kInternal);
  }
}
