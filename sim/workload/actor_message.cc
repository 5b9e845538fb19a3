#include "sim/workload/actor_message.h"

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void FillActor(const PlannedTask& task, const SchedulingRequest& placement, msg::ActorSpec& spec) {
  SchedulingRequest needs = placement;
  const bool free_cpu = needs.resources.Get(ResourceKind::kCpu) == FixedPoint();
  if (free_cpu) needs.resources.Set(ResourceKind::kCpu, FixedPoint::Whole(1));
  ToProto(needs, spec.mutable_placement());
  spec.set_free_cpu(free_cpu);
  spec.set_max_restarts(static_cast<int32_t>(task.actor->max_restarts));
  spec.set_max_pending_calls(-1);
  spec.set_max_concurrency(static_cast<uint32_t>(task.actor->max_concurrency));
  spec.set_class_name(task.name);
}

}  // namespace orrery
