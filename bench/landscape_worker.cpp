// SPDX-License-Identifier: Apache-2.0
// Our side of compare_landscapes.py. Reads commands from standard input, answers one line each:
//
//     open NETWORK N ACTIVATION FOLDER   makes an objective, and writes what its peer needs to FOLDER
//     value                              the mean loss there
//     product K                          seconds of a Hessian product, mean of K
//     cells K                            seconds of a cell, mean of K
//     memory                             bytes that the process holds, and held at most
//     apart                              H v by differences from H v by differentiating twice
//     lowest K                           products, residual and curvature of the lowest eigenpair
#include <fmt/format.h>

#include <iostream>

#include "answering.hpp"
#include "landscapes.hpp"
#include "overparam/base/memory.hpp"

namespace {

using namespace overparam;

std::string answer(std::unique_ptr<bench::LandscapeTimer>& timer,
                   const std::string& command,
                   std::istream& in) {
  if (command == "open") {
    std::string network, activation;
    std::int64_t num_images = 0;
    std::filesystem::path folder;
    in >> network >> num_images >> activation >> folder;
    timer = std::make_unique<bench::LandscapeTimer>(network, num_images, activation);
    timer->write(folder);
    return "ready";
  }
  if (command == "memory") {
    return fmt::format("{} {}", base::resident_memory(), base::peak_resident_memory());
  }
  if (command == "value") return fmt::format("{:.9g}", timer->value());
  if (command == "apart") return fmt::format("{:.9g}", timer->products_apart());
  std::int64_t times = 0;
  in >> times;
  if (command == "product") return fmt::format("{:.9g}", timer->product_seconds(times));
  if (command == "cells") return fmt::format("{:.9g}", timer->cell_seconds(times));
  if (command == "lowest") return timer->lowest(static_cast<int>(times));
  return "unknown command " + command;
}

}  // namespace

int main() { return bench::answer_commands<std::unique_ptr<bench::LandscapeTimer>>(answer); }
