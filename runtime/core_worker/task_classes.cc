// Which tasks share leases, and where those are asked for first.
#include <utility>

#include "runtime/core_worker/task_submitter.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void TaskSubmitter::DefineClass(uint32_t class_id, SchedulingRequest request) {
  Class& klass = classes_[class_id];
  if (klass.spec) return;
  Draft<msg::RequestLease> spec;
  ToProto(request, spec->mutable_spec());
  klass.request = std::move(request);
  klass.spec = std::move(spec);
}

uint32_t TaskSubmitter::ClassOf(const OwnedTask& entry) {
  const auto& submit = entry.submit.As<msg::SubmitTask>();
  ClassKey key{submit.class_id(), {}};
  for (const msg::TaskArg& arg : submit.spec().args()) {
    if (arg.object_task() != 0) key.second.push_back({{{arg.object_owner()}, arg.object_task()}, arg.object_index()});
  }
  if (key.second.empty()) return submit.class_id();
  const auto [it, inserted] = with_arguments_.emplace(key, last_class_ + 1);
  if (!inserted) return it->second;
  const Class& base = classes_.at(submit.class_id());
  Class& klass = classes_[++last_class_];
  klass.request = base.request;
  klass.key = std::move(key);
  klass.spec = base.spec.Clone();
  klass.mean_run_ns = base.mean_run_ns;
  for (const msg::TaskArg& arg : submit.spec().args()) {
    if (arg.object_task() == 0) continue;
    msg::LeaseArg* needed = klass.spec.As<msg::RequestLease>().add_args();
    const ObjectId object{{{arg.object_owner()}, arg.object_task()}, arg.object_index()};
    ToProto(ObjectReference{object, FromProto(arg.owner_address())}, needed->mutable_object());
    needed->set_size(arg.size());
  }
  return last_class_;
}

// The node that has most bytes of the arguments, unless the tasks say themselves where they are to run. (Ray's
// lease_policy.cc.)
std::pair<NodeId, Address> TaskSubmitter::FirstToAsk(const Class& klass) const {
  std::pair<NodeId, Address> best{core_.node, core_.options.node_manager};
  const bool free = klass.request.strategy.kind == SchedulingStrategy::Kind::kDefault;
  if (klass.key.second.empty() || !free || core_.settings.locality != "most_bytes") return best;
  std::map<NodeId, std::pair<int64_t, Address>> bytes;
  for (const ObjectId& object : klass.key.second) {
    const ObjectRecord* record = objects_.store.Get(object);
    if (record == nullptr || !record->stored()) continue;
    if (record->foreign() && objects_.directory.Dead(record->extra->node)) continue;
    if (record->foreign()) {
      bytes[record->extra->node] = {bytes[record->extra->node].first + record->extra->size,
                                    record->extra->node_manager};
      continue;
    }
    for (const auto& [node, address] : objects_.directory.Holders(object)) {
      bytes[node] = {bytes[node].first + record->extra->size, address};
    }
  }
  int64_t most = bytes[core_.node].first;
  for (const auto& [node, held] : bytes) {
    if (!node || !held.second || held.first <= most) continue;
    most = held.first;
    best = {node, held.second};
  }
  return best;
}

void TaskSubmitter::ForgetClasses() {
  for (uint32_t id : std::exchange(maybe_unused_, {})) {
    auto it = classes_.find(id);
    if (it == classes_.end()) continue;
    const Class& klass = it->second;
    if (!klass.queue.empty() || klass.leases != 0 || klass.open_requests != 0) continue;
    if (auto base = classes_.find(klass.key.first); base != classes_.end() && klass.mean_run_ns >= 0) {
      base->second.mean_run_ns = klass.mean_run_ns;
    }
    with_arguments_.erase(klass.key);
    classes_.erase(it);
  }
}

}  // namespace orrery
