#include "runtime/core_worker/object_recovery.h"

#include <set>
#include <utility>
#include <vector>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

void ObjectRecovery::Recover(ObjectId object) {
  std::vector<ObjectId> todo = {object}, hopeless;
  std::vector<uint64_t> order;
  std::set<uint64_t> seen;
  while (!todo.empty()) {
    const ObjectId id = todo.back();
    todo.pop_back();
    const ObjectRecord* record = objects_.store.Get(id);
    if (record != nullptr && !objects_.Lost(id, *record)) continue;  // there, or on its way
    const uint64_t task = id.task.index;
    const KeptTask* kept = objects_.lineage.Find(task);
    const OwnedTask* running = tasks_.Find(task);
    if (running != nullptr && running->sealing) continue;  // it is asked for again as soon as the task has ended
    const bool runs = running != nullptr;
    const bool possible = runs || (kept != nullptr && kept->retries_left != 0);
    Reopen(id, possible ? "made again" : "lost for good");
    if (!possible) {
      hopeless.push_back(id);
      continue;
    }
    if (runs || !seen.insert(task).second) continue;
    order.push_back(task);
    for (const msg::TaskArg& arg : kept->submit.As<msg::SubmitTask>().spec().args()) {
      if (arg.object_task() == 0 || WorkerId{arg.object_owner()} != core_.id) continue;
      todo.push_back({{core_.id, arg.object_task()}, arg.object_index()});
    }
  }
  // The last found are the deepest. All their objects are pending by now, so that each task waits for its arguments.
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const KeptTask* kept = objects_.lineage.Find(*it);
    ORRERY_ASSERT(kept != nullptr);
    tasks_.Rebuild(*it, *kept);
  }
  for (ObjectId id : hopeless) {
    core_.actions->Seal(id, {StatusCode::kObjectLost,
                             {},
                             ToString(id) + ": every copy is lost, and no task can make it again: it was put, or the "
                                            "retries or the lineage of its task are used up",
                             {},
                             0});
  }
}

void ObjectRecovery::Reopen(ObjectId object, const std::string& what) {
  core_.env.Trace(
      {.kind = TraceKind::kObjectLost, .task = object.task, .worker = core_.id, .c = object.index, .text = what});
  if (objects_.store.Contains(object))
    objects_.store.Reopen(object);
  else
    objects_.store.Add(object);  // an argument that nobody else refers to any more
}

}  // namespace orrery
