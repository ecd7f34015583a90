// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/net/network.hpp"
#include "patches.hpp"

namespace overparam::net {

namespace {

/// A piece of this many numbers, twice, stays in the second-level cache of a core.
constexpr std::int64_t kNumbersAtOnce = 1 << 17;

}  // namespace

Gathered::Gathered(const Term& term, std::int64_t positions, const at::Tensor& source)
    : term_(&term), positions_(positions), source_(source) {
  if (!term.read.all()) source_ = source.narrow(-1, term.read.begin, term.read.size);
  switch (term.gather) {
    case Gather::identity:
      columns_ = source_.size(-1) / positions;
      break;
    case Gather::patches:
      columns_ = source_.size(-1) / term.cells * term.neighbours.size(1);
      break;
    case Gather::one:
      columns_ = 1;
      break;
  }
}

at::Tensor Gathered::rows(Workspace& workspace, linalg::Scratch& space) const {
  if (term_->gather == Gather::identity) {
    return positions_ == 1 ? source_ : source_.view({-1, columns_});
  }
  space = workspace.take({source_.size(0) * positions_, columns_});
  if (term_->gather == Gather::one) {
    space.tensor().fill_(1);
  } else {
    cut_patches(source_, term_->neighbours, term_->cells, space.tensor());
  }
  return space.tensor();
}

std::int64_t Gathered::samples_at_once() const {
  const std::int64_t n = std::max<std::int64_t>(1, source_.size(0));
  if (term_->gather != Gather::patches) return n;
  return std::clamp<std::int64_t>(kNumbersAtOnce / (positions_ * columns_), 1, n);
}

void Gathered::for_chunks(Workspace& workspace, const Action& action) const {
  const std::int64_t n = source_.size(0);
  linalg::Scratch space;
  if (term_->gather != Gather::patches) {
    action(0, n, rows(workspace, space));
    return;
  }
  const std::int64_t chunk = samples_at_once();
  space = workspace.take({chunk * positions_, columns_});
  for (std::int64_t begin = 0; begin < n; begin += chunk) {
    const std::int64_t count = std::min(chunk, n - begin);
    at::Tensor piece = space.tensor().narrow(0, 0, count * positions_);
    cut_patches(source_.narrow(0, begin, count), term_->neighbours, term_->cells, piece);
    action(begin, count, piece);
  }
}

}  // namespace overparam::net
