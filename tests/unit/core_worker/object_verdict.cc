// What must be readable, and what must be gone.
#include <string>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/unit/core_worker/object_life.h"

namespace orrery::test {

void ObjectLife::Judge(ProcessId process, const msg::ObjectValue& value) {
  const ObjectId object = FromProto(value.object());
  const Truth& truth = truth_.at(object);
  const auto status = static_cast<StatusCode>(value.status());
  const std::string what = cluster_->NameOf(process) + " reads " + ToString(object) + " as " + StatusCodeName(status) +
                           " (" + value.error() + ")";
  ++counts_.reads;
  if (status == StatusCode::kOk) {
    ++counts_.read_ok;
    if (value.size() != truth.size) return Wrong(what + ", of " + std::to_string(value.size()) + " bytes");
    if (truth.size == 0 && value.value() != ToString(object)) return Wrong(what + ": " + value.value());
    if (value.size() > 0) apps_[process].views.insert(object);
    // Its decoder finds refs; some stay.
    for (const ObjectReference& ref : truth.refs) {
      apps_[truth.owner].ever.insert(ref.id);
      if (faulty_ && Chance(0.5)) Hold(process, ref, true);
    }
    return;
  }
  counts_.owner_died += status == StatusCode::kOwnerDied;
  counts_.lost += status == StatusCode::kObjectLost;
  const uint64_t killed = counts_.killed_workers + counts_.killed_drivers + counts_.killed_nodes;
  if (killed + counts_.drops == 0) return Wrong(what + ", and nothing has ever failed");
  switch (status) {
    case StatusCode::kOwnerDied:
    case StatusCode::kObjectLost: break;
    case StatusCode::kWorkerDied:
    case StatusCode::kNodeDied:
      if (truth.put) Wrong(what + ", but it was put");
      return;
    default: return Wrong(what + ", which is nobody's fault");
  }
  if (!truth.put || !cluster_->Alive(truth.owner)) return;
  // A living owner, and everybody who ever referred to it lives: there is no reason why it should be gone.
  if (status == StatusCode::kOwnerDied) return Wrong(what + ", but its owner lives");
  const bool node_lost = truth.size > 0 && counts_.killed_nodes > 0;
  if (tainted_.count(object) == 0 && counts_.drops == 0 && !node_lost) Wrong(what + " for no reason");
}

bool ObjectLife::Quiet() const {
  for (ProcessId id : Apps()) {
    const App& app = apps_.at(id);
    if (!app.gets.empty() || app.running) return false;
    if (cluster_->core(id)->tasks().size() != 0) return false;
  }
  return true;
}

// Every request ends, and so does every task; then all that anybody refers to is read.
void ObjectLife::ReadEverything() {
  const auto wait = [&](const char* for_what) {
    const Time limit = cluster_->now() + Duration::Seconds(600);
    while (!Quiet() && cluster_->now() < limit && wrong_.empty()) {
      for (ProcessId id : Apps()) ReleaseViews(id);  // pinned views may be all that is in the way
      Live(cluster_->now() + Duration::Millis(50));
    }
    if (!Quiet() && wrong_.empty()) {
      for (ProcessId id : Apps()) {
        const App& app = apps_.at(id);
        for (const auto& [request, object] : app.gets) {
          Wrong(cluster_->NameOf(id) + " never gets " + ToString(object) + " (" + for_what + ")");
        }
        if (cluster_->core(id)->tasks().size() != 0) Wrong(cluster_->NameOf(id) + " has endless tasks");
      }
    }
  };
  wait("asked for while it lived");
  for (ProcessId id : Apps()) {
    const auto held = apps_.at(id).held;
    for (const auto& [object, entry] : held) Get(id, object, false);
  }
  wait("read at the end");
}

void ObjectLife::CheckNothingLeft() {
  for (int round = 0; round < 3; ++round) {  // workers of tasks that were running may have taken refs since
    for (ProcessId id : Apps()) {
      DropAll(id);
      ReleaseViews(id);
    }
    Live(cluster_->now() + Duration::Seconds(40));
  }
  for (ProcessId id : Living(ProcessKind::kDriver)) CheckCore(id);
  for (ProcessId id : Living(ProcessKind::kWorker)) CheckCore(id);
  for (ProcessId id : Living(ProcessKind::kNodeManager)) CheckStore(id);
}

void ObjectLife::CheckCore(ProcessId process) {
  const CoreWorker* core = cluster_->core(process);
  if (core == nullptr || !core->id()) return;
  const Objects& objects = core->objects();
  const std::string name = cluster_->NameOf(process) + ": ";
  for (ObjectId object : objects.store.Keys(core->id())) {
    const ObjectRecord& record = *objects.store.Get(object);
    const ObjectExtra* extra = record.extra.get();
    Wrong(name + ToString(object) + " is left: local " + std::to_string(record.local) + ", tasks " +
          std::to_string(record.tasks) +
          (extra == nullptr
               ? ""
               : ", contained " + std::to_string(extra->contained) + ", handoffs " + std::to_string(extra->handoffs) +
                     ", borrowers " + std::to_string(extra->active_borrowers)));
  }
  if (!objects.client.idle()) Wrong(name + "views or allocations left");
  if (!objects.borrowing.idle()) Wrong(name + "registrations left");
  if (objects.borrowing.lenders() + objects.borrowing.borrowers() != 0) Wrong(name + "borrowing left");
  if (objects.directory.size() != 0) Wrong(name + "places of objects left");
  if (objects.lineage.size() != 0 || objects.lineage.bytes() != 0) Wrong(name + "lineage left");
  if (core->receiver().handoffs() != 0) Wrong(name + "handoffs left");
  if (core->tasks().size() != 0) Wrong(name + "tasks left");
  if (core->submitter().leases() != 0) Wrong(name + "leases left");
  if (core->pending_requests() != 0) Wrong(name + "requests without answer");
}

void ObjectLife::CheckStore(ProcessId process) {
  const NodeManager* node = cluster_->node(process);
  const std::string name = cluster_->NameOf(process) + ": ";
  if (!node->store().idle()) Wrong(name + "its store is not idle");
  if (node->store().objects().all().size() != 0) {
    Wrong(name + std::to_string(node->store().objects().all().size()) + " objects left in its store");
  }
  if (cluster_->memory(name.substr(0, name.size() - 2)).files() != 0) Wrong(name + "spill files left");
}

}  // namespace orrery::test
