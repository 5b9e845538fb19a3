// Does a request fit a node: ever (feasible), and now (available)?
#pragma once

#include "runtime/common/resources.h"
#include "runtime/scheduling/gpu_instances.h"

namespace orrery {

// Every amount that `request` asks for is there. A resource that is not asked for never counts, also when its
// amount is below zero (the CPU of a node whose blocked workers have resumed).
inline bool Covers(const ResourceSet& amounts, const ResourceSet& request) {
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const FixedPoint asked = request.Get(static_cast<ResourceKind>(i));
    if (asked.raw > 0 && asked > amounts.Get(static_cast<ResourceKind>(i))) return false;
  }
  for (const auto& [name, asked] : request.custom()) {
    if (asked.raw > 0 && asked > amounts.Get(name)) return false;
  }
  return true;
}

// An idle node with these totals could hold the request.
inline bool FitsEver(const ResourceSet& request, const ResourceSet& total) { return Covers(total, request); }

// What is left, GPU by GPU, holds the request.
inline bool FitsNow(const ResourceSet& request, const ResourceSet& available, const GpuFree& gpu_free) {
  const FixedPoint gpus = request.Get(ResourceKind::kGpu);
  return Covers(available, request) && (gpus.raw == 0 || GpusFit(gpus, gpu_free));
}

}  // namespace orrery
