// The resources of one node as its node manager keeps them: what is there, what is free, and which GPUs.
#pragma once

#include <optional>

#include "runtime/common/resources.h"
#include "runtime/scheduling/fragmentation.h"
#include "runtime/scheduling/gpu_instances.h"

namespace orrery {

// Invariants: 0 <= available <= total for every resource except CPU, which goes below zero only through TakeCpu (Ray's
// local_resource_manager.cc lets a worker that was blocked take its CPU back at once); the GPUs' free shares sum to
// the available GPU amount. Asserted by CheckInvariants after every change.
class NodeResourceInstances {
 public:
  explicit NodeResourceInstances(ResourceSet total, Labels labels = {});

  const ResourceSet& total() const { return total_; }
  const ResourceSet& available() const { return available_; }
  const GpuFree& gpu_free() const { return gpu_free_; }
  const Labels& labels() const { return labels_; }

  bool FitsEver(const ResourceSet& request) const;
  bool FitsNow(const ResourceSet& request) const;
  // Takes `request` when it fits now and says which GPUs it got; otherwise changes nothing and returns nothing.
  // `model` is for GpuChoice::kFgd; without it that choice counts as kLeastLeft.
  std::optional<GpuAllocation> Allocate(const ResourceSet& request, GpuChoice choice, Random& random,
                                        const FragmentModel* model = nullptr);
  // Gives back what one Allocate took. While its CPU is lent (ReturnCpu), take that back first or leave it out of
  // `request`.
  void Free(const ResourceSet& request, const GpuAllocation& gpus);

  // A worker blocks in get or wait and lends its CPU; when it resumes it takes the CPU back, free or not.
  void ReturnCpu(FixedPoint cpus);
  void TakeCpu(FixedPoint cpus);

  void CheckInvariants() const;

 private:
  ResourceSet total_;
  ResourceSet available_;
  GpuFree gpu_free_;
  Labels labels_;
};

}  // namespace orrery
