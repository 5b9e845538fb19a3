#include "runtime/scheduling/node_resources.h"

#include <utility>

#include "runtime/common/assert.h"
#include "runtime/scheduling/fit.h"

namespace orrery {

NodeResourceInstances::NodeResourceInstances(ResourceSet total, Labels labels)
    : total_(std::move(total)),
      available_(total_),
      gpu_free_(AllGpusFree(total_.Get(ResourceKind::kGpu))),
      labels_(std::move(labels)) {}

bool NodeResourceInstances::FitsEver(const ResourceSet& request) const { return orrery::FitsEver(request, total_); }

bool NodeResourceInstances::FitsNow(const ResourceSet& request) const {
  return orrery::FitsNow(request, available_, gpu_free_);
}

std::optional<GpuAllocation> NodeResourceInstances::Allocate(const ResourceSet& request, GpuChoice choice,
                                                             Random& random, const FragmentModel* model) {
  if (!FitsNow(request)) return std::nullopt;
  const FixedPoint gpus = request.Get(ResourceKind::kGpu);
  std::optional<GpuAllocation> allocation =
      choice == GpuChoice::kFgd && model != nullptr
          ? ChooseGpusFgd(*model, {available_.Get(ResourceKind::kCpu), &gpu_free_, &labels_}, request)
          : ChooseGpus(gpus, gpu_free_, choice, random);
  ORRERY_ASSERT(allocation.has_value());
  available_ -= request;
  TakeGpus(*allocation, gpu_free_);
  CheckInvariants();
  return allocation;
}

void NodeResourceInstances::Free(const ResourceSet& request, const GpuAllocation& gpus) {
  available_ += request;
  GiveGpus(gpus, gpu_free_);
  CheckInvariants();
}

void NodeResourceInstances::ReturnCpu(FixedPoint cpus) {
  ORRERY_ASSERT(cpus.raw >= 0);
  available_.Set(ResourceKind::kCpu, available_.Get(ResourceKind::kCpu) + cpus);
  CheckInvariants();
}

void NodeResourceInstances::TakeCpu(FixedPoint cpus) {
  ORRERY_ASSERT(cpus.raw >= 0);
  available_.Set(ResourceKind::kCpu, available_.Get(ResourceKind::kCpu) - cpus);
  CheckInvariants();
}

void NodeResourceInstances::CheckInvariants() const {
  FixedPoint gpus;
  for (const FixedPoint left : gpu_free_) gpus += left;
  ORRERY_ASSERT(gpus == available_.Get(ResourceKind::kGpu));
  ORRERY_ASSERT(available_.FitsIn(total_));
  for (size_t i = 1; i < kPredefinedResources; ++i) {  // 0 is CPU
    ORRERY_ASSERT(available_.Get(static_cast<ResourceKind>(i)).raw >= 0);
  }
  for (const auto& [name, amount] : available_.custom()) ORRERY_ASSERT(amount.raw >= 0);
}

}  // namespace orrery
