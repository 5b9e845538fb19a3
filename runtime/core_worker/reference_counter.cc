#include "runtime/core_worker/reference_counter.h"

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

ObjectRecord* ReferenceCounter::Ensure(const ObjectReference& object, bool guarded) {
  if (ObjectRecord* record = store_.Get(object.id)) return record;
  if (object.id.task.owner == core_.id || !object.id || !object.owner) return nullptr;
  store_.Add(object.id);
  borrowing_.Enter(object, guarded);
  return store_.Get(object.id);
}

void ReferenceCounter::Borrow(const ObjectReference& object, bool guarded) {
  if (ObjectRecord* record = Ensure(object, guarded)) ++record->local;
}

bool ReferenceCounter::AddTask(const ObjectReference& object) {
  ObjectRecord* record = Ensure(object, false);
  if (record == nullptr) return false;
  record->tasks = record->tasks + 1;
  return true;
}

void ReferenceCounter::DropTask(ObjectId object) {
  ObjectRecord* record = store_.Get(object);
  if (record == nullptr || record->tasks == 0) return;
  record->tasks = record->tasks - 1;
  store_.MaybeDrop(object, *record);
}

void ReferenceCounter::Contain(ObjectId outer, const Refs& refs) {
  std::vector<ObjectReference> held;
  for (const msg::RefProto& ref : refs) {
    const ObjectReference inner = FromProto(ref);
    ObjectRecord* record = Ensure(inner, false);
    if (record == nullptr) continue;
    ++record->Extra().contained;
    held.push_back(inner);
  }
  ObjectRecord* record = store_.Get(outer);
  if (record == nullptr) return DropContained(held);
  ObjectExtra& extra = record->Extra();
  const std::vector<ObjectReference> before = std::exchange(extra.refs, std::move(held));
  if (std::exchange(extra.holds_refs, true)) DropContained(before);
}

void ReferenceCounter::Note(ObjectId outer, const Refs& refs) {
  ObjectExtra& extra = store_.Get(outer)->Extra();
  extra.refs.clear();
  for (const msg::RefProto& ref : refs) extra.refs.push_back(FromProto(ref));
}

void ReferenceCounter::AddHandoffs(const std::vector<ObjectReference>& refs) {
  for (const ObjectReference& ref : refs) {
    if (ObjectRecord* record = Ensure(ref, false)) ++record->Extra().handoffs;
  }
}

void ReferenceCounter::DropHandoffs(const std::vector<ObjectReference>& refs) {
  for (const ObjectReference& ref : refs) {
    ObjectRecord* record = store_.Get(ref.id);
    if (record == nullptr || record->extra == nullptr || record->extra->handoffs == 0) continue;
    --record->extra->handoffs;
    store_.MaybeDrop(ref.id, *record);
  }
}

void ReferenceCounter::DropContained(const std::vector<ObjectReference>& refs) {
  for (const ObjectReference& ref : refs) {
    ObjectRecord* record = store_.Get(ref.id);
    if (record == nullptr || record->extra == nullptr || record->extra->contained == 0) continue;
    --record->extra->contained;
    store_.MaybeDrop(ref.id, *record);
  }
}

// A loop instead of recursion: an object may hold a chain of a million others.
void ReferenceCounter::OnOutOfScope(ObjectId object, std::unique_ptr<ObjectExtra> extra) {
  ended_.emplace_back(object, std::move(extra));
  if (draining_) return;
  draining_ = true;
  while (!ended_.empty()) {
    const ObjectId id = ended_.front().first;
    const std::unique_ptr<ObjectExtra> last = std::move(ended_.front().second);
    ended_.pop_front();
    if (last->owner) {
      if (last->asked != 0) core_.requests.Done({MessageKind::kGetObjectStatus, last->asked, 0});
      borrowing_.Leave(id, *last);
    } else {
      for (const Borrower& borrower : last->borrowers) ORRERY_ASSERT(!borrower.active);
      directory_.Free(id);
      if (last->lineage) lineage_.Release(id);
      if (last->actor) core_.actions->HandleGone(id);
    }
    if (last->holds_refs) DropContained(last->refs);
  }
  draining_ = false;
}

}  // namespace orrery
