#include "runtime/scheduling/fit.h"

namespace orrery {

bool Covers(const ResourceSet& amounts, const ResourceSet& request) {
  for (size_t i = 0; i < kPredefinedResources; ++i) {
    const FixedPoint asked = request.Get(static_cast<ResourceKind>(i));
    if (asked.raw > 0 && asked > amounts.Get(static_cast<ResourceKind>(i))) return false;
  }
  for (const auto& [name, asked] : request.custom()) {
    if (asked.raw > 0 && asked > amounts.Get(name)) return false;
  }
  return true;
}

bool FitsEver(const ResourceSet& request, const ResourceSet& total) { return Covers(total, request); }

bool FitsNow(const ResourceSet& request, const ResourceSet& available, const GpuFree& gpu_free) {
  return Covers(available, request) && GpusFit(request.Get(ResourceKind::kGpu), gpu_free);
}

}  // namespace orrery
