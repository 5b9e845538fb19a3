#include "runtime/scheduling/gpu_instances.h"

#include <algorithm>

#include "runtime/common/assert.h"

namespace orrery {

namespace {
constexpr FixedPoint kOneGpu = FixedPoint::Whole(1);

std::optional<GpuAllocation> ChooseWhole(int64_t count, const GpuFree& free) {
  GpuAllocation allocation;
  for (uint32_t i = 0; i < free.size() && count > 0; ++i) {
    if (free[i] != kOneGpu) continue;
    allocation.parts.emplace_back(i, kOneGpu);
    --count;
  }
  if (count > 0) return std::nullopt;
  return allocation;
}

std::optional<uint32_t> ChooseShared(FixedPoint share, const GpuFree& free, GpuChoice choice, Random& random) {
  std::optional<uint32_t> best;
  uint64_t fitting = 0;
  for (uint32_t i = 0; i < free.size(); ++i) {
    if (free[i] < share) continue;
    ++fitting;
    if (!best || free[i] < free[*best]) best = i;
  }
  if (choice != GpuChoice::kRandom || fitting <= 1) return best;
  uint64_t skip = random.Below(fitting);
  for (uint32_t i = 0; i < free.size(); ++i) {
    if (free[i] >= share && skip-- == 0) return i;
  }
  return best;
}
}  // namespace

GpuFree AllGpusFree(FixedPoint total) {
  if (total.raw <= 0) return {};
  GpuFree free(static_cast<size_t>(total.raw / FixedPoint::kUnit), kOneGpu);
  if (!total.whole()) free.push_back({total.raw % FixedPoint::kUnit});
  return free;
}

bool GpusFit(FixedPoint request, const GpuFree& free) {
  if (request.raw <= 0) return true;
  if (request < kOneGpu) return std::any_of(free.begin(), free.end(), [&](FixedPoint left) { return left >= request; });
  if (request == kOneGpu) return std::find(free.begin(), free.end(), kOneGpu) != free.end();
  return request.whole() && std::count(free.begin(), free.end(), kOneGpu) >= request.raw / FixedPoint::kUnit;
}

std::optional<GpuAllocation> ChooseGpus(FixedPoint request, const GpuFree& free, GpuChoice choice, Random& random) {
  if (request.raw <= 0) return GpuAllocation{};
  if (request >= kOneGpu) {
    if (!request.whole()) return std::nullopt;
    return ChooseWhole(request.raw / FixedPoint::kUnit, free);
  }
  const std::optional<uint32_t> index = ChooseShared(request, free, choice, random);
  if (!index) return std::nullopt;
  return GpuAllocation{{{*index, request}}};
}

void TakeGpus(const GpuAllocation& allocation, GpuFree& free) {
  for (const auto& [index, share] : allocation.parts) {
    ORRERY_ASSERT(index < free.size());
    ORRERY_ASSERT(free[index] >= share);
    free[index] -= share;
  }
}

void GiveGpus(const GpuAllocation& allocation, GpuFree& free) {
  for (const auto& [index, share] : allocation.parts) {
    ORRERY_ASSERT(index < free.size());
    free[index] += share;
    ORRERY_ASSERT(free[index] <= kOneGpu);
  }
}

}  // namespace orrery
