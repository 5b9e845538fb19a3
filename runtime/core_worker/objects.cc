#include "runtime/core_worker/objects.h"

#include <algorithm>

namespace orrery {

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
