// SPDX-License-Identifier: Apache-2.0
// Our side of compare_kernels.py. Reads commands from standard input, answers one line each:
//
//     open CASE FOLDER   makes a case of kernels.hpp, and writes what its peers need to FOLDER
//     kernel K           seconds of a kernel, mean of K
//     reference          seconds of the bare products
//     save FILE          the kernel as .npy
#include <fmt/format.h>

#include <iostream>

#include "answering.hpp"
#include "kernels.hpp"
#include "overparam/base/array_files.hpp"

namespace {

using namespace overparam;

std::string answer(std::unique_ptr<bench::KernelTimer>& timer,
                   const std::string& command,
                   std::istream& in) {
  if (command == "open") {
    std::string name;
    std::filesystem::path folder;
    in >> name >> folder;
    timer = bench::kernel_timer(name);
    timer->write(folder);
    return "ready";
  }
  if (command == "kernel") {
    std::int64_t times = 0;
    in >> times;
    return fmt::format("{:.9g}", timer->kernel_seconds(times));
  }
  if (command == "reference") return fmt::format("{:.9g}", timer->reference_seconds());
  if (command == "save") {
    std::filesystem::path file;
    in >> file;
    base::write_npy(file, timer->kernel());
    return "saved";
  }
  return "unknown command " + command;
}

}  // namespace

int main() { return bench::answer_commands<std::unique_ptr<bench::KernelTimer>>(answer); }
