// SPDX-License-Identifier: Apache-2.0
// One side of compare.py. Reads commands from standard input, answers one line each:
//
//     precision NAME           of the products from the next `open` on: plain, narrow, int8, ...
//     open NETWORK METHOD N B M L FOLDER
//                              makes a network, and writes its weights and data to FOLDER
//     step K                   seconds of a training step, mean of K
//     products K               seconds of the bare products of a step of fc, mean of K
//     objective                F now
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "answering.hpp"
#include "overparam/base/array_files.hpp"
#include "steps.hpp"

namespace {

using namespace overparam;

struct Session {
  linalg::Products precision = linalg::Products::plain;
  std::unique_ptr<bench::StepTimer> step;
  std::unique_ptr<bench::ProductTimer> products;
};

void open(Session& session, std::istream& in) {
  bench::StepShape shape;
  std::string method;
  std::filesystem::path folder;
  in >> shape.network >> method >> shape.num_samples >> shape.batch_size >> shape.width >>
      shape.depth >> folder;
  shape.method = train::parse_method(method);
  shape.products = session.precision;
  session.step = std::make_unique<bench::StepTimer>(shape);
  if (shape.network == "fc") session.products = std::make_unique<bench::ProductTimer>(shape);
  const auto& network = session.step->network();
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    base::write_npy(folder / fmt::format("block{}.npy", i),
                    network.parameters()[static_cast<int>(i)]);
  }
  base::write_npy(folder / "inputs.npy", session.step->problem().inputs);
  base::write_npy(folder / "targets.npy", session.step->problem().targets);
}

std::string answer(Session& session, const std::string& command, std::istream& in) {
  std::int64_t steps = 0;
  if (command == "open") {
    open(session, in);
    return "ready";
  }
  if (command == "precision") {
    std::string name;
    in >> name;
    session.precision =
        name == "narrow" ? linalg::Products::automatic : linalg::parse_products(name);
    return "ready";
  }
  if (command == "objective") return fmt::format("{:.9g}", session.step->objective());
  in >> steps;
  if (command == "step") return fmt::format("{:.9g}", session.step->seconds_per_step(steps));
  if (command == "products")
    return fmt::format("{:.9g}", session.products->seconds_per_step(steps));
  return "unknown command " + command;
}

}  // namespace

int main() { return bench::answer_commands<Session>(answer); }
