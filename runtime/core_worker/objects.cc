#include "runtime/core_worker/objects.h"

#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void Objects::Fill(msg::ObjectTable& table) const {
  constexpr int kMostRows = 100'000;
  table.set_worker(core.id.value);
  for (ObjectId object : store.Keys(core.id)) {
    const ObjectRecord& record = *store.Get(object);
    if (record.extra == nullptr || record.foreign() || table.rows_size() == kMostRows) continue;
    msg::ObjectRow* row = table.add_rows();
    ToProto(core.Own(object), row->mutable_object());
    row->set_state(record.ready ? (record.stored() ? "Stored" : "Inline") : "Pending");
    row->set_size(record.stored() ? record.extra->size : static_cast<int64_t>(record.value.bytes.size()));
    row->set_local_refs(record.local);
    row->set_task_refs(record.tasks);
    row->set_contained_in(record.extra->contained + record.extra->handoffs);
    row->set_borrowers(record.extra->active_borrowers);
    row->set_lineage_refs(lineage.RefsOf(object.task.index));
    const KeptTask* made_by = lineage.Find(object.task.index);
    if (made_by != nullptr) row->set_call_site(made_by->submit.As<msg::SubmitTask>().spec().name());
  }
}

void Objects::CheckInvariants() const {
  for (ObjectId object : store.Keys(core.id)) {
    const ObjectRecord& record = *store.Get(object);
    const ObjectExtra* extra = record.extra.get();
    ORRERY_ASSERT(!record.foreign() || object.task.owner != core.id);
    // What nothing refers to is not here: nobody would ever take it away.
    const bool counted = record.local != 0 || record.tasks != 0 || (extra != nullptr && extra->held());
    const bool waited = !record.ready && (!record.foreign() || record.request != 0 || !extra->requests.empty());
    ORRERY_ASSERT(counted || waited);
    if (extra == nullptr) continue;
    const auto active =
        std::count_if(extra->borrowers.begin(), extra->borrowers.end(), [](const Borrower& b) { return b.active; });
    ORRERY_ASSERT(extra->active_borrowers == static_cast<uint32_t>(active));
    ORRERY_ASSERT(extra->asked == 0 || core.requests.Pending({MessageKind::kGetObjectStatus, extra->asked, 0}));
  }
}

}  // namespace orrery
