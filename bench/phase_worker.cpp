// SPDX-License-Identifier: Apache-2.0
// Rates of the machine and times of single phases. Reads commands from standard input, answers one
// line each:
//
//     product TYPE P Q R   operations a second of (P, Q) times (Q, R), float32 or float64
//     bandwidth            bytes a second of a = b + s c
//     blas                 the library behind products
//     kernels              of an OpenBLAS, and a full stop
//     open PHASE N M L     makes a phase of phases.hpp; answers operations, bytes and the type
//     run K                its seconds, mean of K
#include <fmt/format.h>

#include <iostream>

#include "answering.hpp"
#include "overparam/base/blas.hpp"
#include "phases.hpp"

namespace {

using namespace overparam;

std::string answer(std::unique_ptr<bench::Phase>& phase,
                   const std::string& command,
                   std::istream& in) {
  if (command == "product") {
    std::string type;
    std::int64_t p = 0, q = 0, r = 0;
    in >> type >> p >> q >> r;
    return fmt::format("{:.9g}",
                       bench::product_rate(p, q, r, type == "float64" ? at::kDouble : at::kFloat));
  }
  if (command == "bandwidth") return fmt::format("{:.9g}", bench::memory_bandwidth());
  if (command == "blas") return base::blas_name();
  if (command == "kernels") return base::blas_kernels() + ".";
  if (command == "open") {
    std::string name;
    bench::PhaseShape shape;
    in >> name >> shape.num_samples >> shape.width >> shape.depth;
    phase.reset();
    phase = bench::make_phase(name, shape);
    const bench::Work work = phase->work();
    return fmt::format("{:.9g} {:.9g} {}",
                       work.operations,
                       work.bytes,
                       work.type == at::kDouble ? "float64" : "float32");
  }
  if (command == "run") {
    std::int64_t times = 0;
    in >> times;
    return fmt::format("{:.9g}", phase->seconds(times));
  }
  return "unknown command " + command;
}

}  // namespace

int main() { return bench::answer_commands<std::unique_ptr<bench::Phase>>(answer); }
