// Which GPUs of one node a request takes. A request is a fraction of one GPU or a whole number of them.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/common/fixed_point.h"
#include "runtime/common/random.h"

namespace orrery {

// Free share of each GPU of a node, by index; 1 is a wholly free GPU. Never negative.
using GpuFree = std::vector<FixedPoint>;

// The GPUs a lease holds: (index, share), indices ascending. Empty for requests without GPU.
struct GpuAllocation {
  std::vector<std::pair<uint32_t, FixedPoint>> parts;
  bool operator==(const GpuAllocation&) const = default;
};

// How a fraction picks its GPU among those with enough left. Whole GPUs are always the free ones of least index.
enum class GpuChoice : uint8_t {
  kLeastLeft,  // the fullest one that fits, then the least index (best fit)
  kRandom,     // uniformly among those that fit
  kFgd,        // the one whose use fragments least (fragmentation.h), then the least index
};

// The instances of a node with `total` GPUs, all free: one per whole GPU, and one for a remaining fraction.
GpuFree AllGpusFree(FixedPoint total);

// True when `request` GPUs can be taken now: one instance with that fraction left, or that many wholly free ones.
bool GpusFit(FixedPoint request, const GpuFree& free);

// The GPUs that `request` would take, or nothing when it does not fit. kRandom draws once when several GPUs fit; kFgd
// needs a model and is therefore chosen by ChooseGpusFgd (fragmentation.h): here it counts as kLeastLeft.
std::optional<GpuAllocation> ChooseGpus(FixedPoint request, const GpuFree& free, GpuChoice choice, Random& random);

// Applies or undoes an allocation. Asserts that shares stay within [0, 1].
void TakeGpus(const GpuAllocation& allocation, GpuFree& free);
void GiveGpus(const GpuAllocation& allocation, GpuFree& free);

}  // namespace orrery
