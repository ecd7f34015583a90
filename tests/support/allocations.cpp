// SPDX-License-Identifier: Apache-2.0
#include "support/allocations.hpp"

#include <c10/core/Allocator.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <utility>

namespace overparam::tests {

namespace {

std::atomic<std::int64_t> counted_allocations = 0;
std::atomic<std::int64_t> counted_bytes = 0;
std::atomic<std::int64_t> live_bytes = 0;
std::atomic<std::int64_t> peak_live_bytes = 0;

/// Stands before the data, so that the data's address is the context too: oneDNN takes memory raw.
struct alignas(64) Counted {
  c10::DataPtr inner;
  std::int64_t bytes;
};

void release(void* data) {
  if (data == nullptr) return;
  auto* counted = static_cast<Counted*>(data) - 1;
  live_bytes -= counted->bytes;
  const c10::DataPtr inner = std::move(counted->inner);
  counted->~Counted();
}

class CountingAllocator final : public c10::Allocator {
 public:
  explicit CountingAllocator(c10::Allocator* inner) : inner_(inner) {}

  c10::DataPtr allocate(std::size_t bytes) const override {
    const c10::Device cpu(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, nullptr, release, cpu};
    auto inner = inner_->allocate(bytes + sizeof(Counted));
    const auto size = static_cast<std::int64_t>(bytes);
    ++counted_allocations;
    counted_bytes += size;
    live_bytes += size;
    peak_live_bytes = std::max<std::int64_t>(peak_live_bytes, live_bytes);
    void* place = inner.get();
    void* data = new (place) Counted{std::move(inner), size} + 1;
    return {data, data, release, cpu};
  }

  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return release; }

  [[nodiscard]] c10::Allocator* inner() const { return inner_; }

 private:
  c10::Allocator* inner_;
};

/// Tensors may outlive the counter, so the allocator itself lives on.
CountingAllocator& counting_allocator() {
  static CountingAllocator allocator(c10::GetAllocator(c10::DeviceType::CPU));
  return allocator;
}

constexpr std::uint8_t kAboveAllOthers = 200;

}  // namespace

AllocationCounter::AllocationCounter() {
  c10::SetAllocator(c10::DeviceType::CPU, &counting_allocator(), kAboveAllOthers);
  counted_allocations = 0;
  counted_bytes = 0;
  live_bytes = 0;
  peak_live_bytes = 0;
}

AllocationCounter::~AllocationCounter() {
  c10::SetAllocator(c10::DeviceType::CPU, counting_allocator().inner(), kAboveAllOthers);
}

std::int64_t AllocationCounter::count() const { return counted_allocations; }
std::int64_t AllocationCounter::bytes() const { return counted_bytes; }
std::int64_t AllocationCounter::peak_bytes() const { return peak_live_bytes; }

}  // namespace overparam::tests
