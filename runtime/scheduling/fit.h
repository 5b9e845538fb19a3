// Does a request fit a node: ever (feasible), and now (available)?
#pragma once

#include "runtime/common/resources.h"
#include "runtime/scheduling/gpu_instances.h"

namespace orrery {

// Every amount that `request` asks for is there. A resource that is not asked for never counts, also when its
// amount is below zero (the CPU of a node whose blocked workers have resumed).
bool Covers(const ResourceSet& amounts, const ResourceSet& request);

// An idle node with these totals could hold the request.
bool FitsEver(const ResourceSet& request, const ResourceSet& total);

// What is left, GPU by GPU, holds the request.
bool FitsNow(const ResourceSet& request, const ResourceSet& available, const GpuFree& gpu_free);

}  // namespace orrery
