#include "runtime/object_store/owner_table.h"

#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

Status OwnerTable::Meet(const ObjectReference& ref) {
  const WorkerId id = ref.id.task.owner;
  const auto it = owners_.find(id);
  if (it != owners_.end() && it->second.address == ref.owner) return Status::Ok();
  if (it != owners_.end() || !id || !ref.owner || Knows(ref.owner)) {
    return {StatusCode::kInvalidArgument,
            ToString(ref.id) + ": the ref's address is not that of " + ToString(id) + " in this cluster"};
  }
  owners_[id].address = ref.owner;
  by_address_.emplace(ref.owner, id);
  return Status::Ok();
}

OwnerTable::Owner* OwnerTable::Find(const Address& address) {
  const auto it = by_address_.find(address);
  return it == by_address_.end() ? nullptr : &owners_.at(it->second);
}

void OwnerTable::Note(const ObjectReference& ref, Change change) {
  const auto it = owners_.find(ref.id.task.owner);
  if (it == owners_.end()) return;  // dead: there is nobody to tell
  if (it->second.changes.empty()) changed_.push_back(it->first);
  Change& last = it->second.changes.emplace(ref.id, change).first->second;
  // What is added and spilled within one event is told as both.
  if (last != Change::kAdded || change != Change::kSpilled) last = change;
}

void OwnerTable::Flush() {
  for (WorkerId id : std::exchange(changed_, {})) {
    const auto it = owners_.find(id);
    if (it != owners_.end() && !it->second.changes.empty()) Tell(id, it->second, false);
  }
}

void OwnerTable::Flush(const Address& address) {
  Owner* owner = changed_.empty() ? nullptr : Find(address);
  if (owner != nullptr && !owner->changes.empty()) Tell(by_address_.at(address), *owner, false);
}

void OwnerTable::Tell(WorkerId id, Owner& owner, bool full) {
  if (!full && owner.timer != 0) return owner.changes.clear();  // the full report to come says it
  Draft<msg::ObjectCopies> notice;
  notice->set_node(context_.node.value);
  ToProto(context_.self, notice->mutable_node_manager());
  notice->set_version(++version_);
  notice->set_full(full);
  const auto tell = [&](const LocalObject& object) {
    const bool there = object.readable() || object.state == LocalObject::State::kSpilled ||
                       object.state == LocalObject::State::kRestoring;
    if (object.doomed || !there) return;
    ToProto(object.id(), notice->add_added());
    notice->add_sizes(object.size);
    if (!object.in_memory()) ToProto(object.id(), notice->add_spilled());
  };
  if (full) {
    auto it = objects_.all().lower_bound(ObjectId{{id, 0}, 0});
    for (; it != objects_.all().end() && it->first.task.owner == id; ++it) tell(it->second);
  }
  for (const auto& [object, change] : owner.changes) {
    if (full) break;
    const LocalObject* local = objects_.Find(object);
    if (change == Change::kAdded && local != nullptr) tell(*local);
    if (change == Change::kSpilled) ToProto(object, notice->add_spilled());
    if (change == Change::kRemoved) ToProto(object, notice->add_removed());
  }
  owner.changes.clear();
  context_.env.Send(owner.address, std::move(notice));
}

bool OwnerTable::HasObjects(WorkerId owner) const {
  const auto it = objects_.all().lower_bound(ObjectId{{owner, 0}, 0});
  return it != objects_.all().end() && it->first.task.owner == owner;
}

void OwnerTable::OnPeerLost(const Address& peer, bool in_use) {
  const WorkerId id = IdOf(peer);
  Owner* owner = Find(peer);
  if (owner == nullptr || owner->timer != 0) return;  // the next attempt is due already
  if (!in_use && !HasObjects(id)) return Forget(id);
  if (++owner->losses >= kLossesToDeath) return listener_.OnOwnerDead(id);
  owner->timer = next_timer_++;
  timers_[owner->timer] = id;
  context_.env.SetTimer(kFirstPause * (int64_t{1} << (owner->losses - 1)), TimerKind::kOwnerCheck, owner->timer);
}

void OwnerTable::OnTimer(uint64_t index) {
  const auto it = timers_.find(index);
  if (it == timers_.end()) return;
  const WorkerId id = it->second;
  timers_.erase(it);
  Owner& owner = owners_.at(id);
  owner.timer = 0;
  Tell(id, owner, true);
  listener_.OnOwnerAsked(owner.address);
}

void OwnerTable::OnProcessDead(WorkerId owner) {
  if (owners_.count(owner) != 0) listener_.OnOwnerDead(owner);
}

void OwnerTable::OnNodeDied(NodeId node) {
  std::vector<WorkerId> dead;
  for (auto it = owners_.lower_bound(WorkerId::Of(node, 0)); it != owners_.end() && it->first.node() == node; ++it) {
    dead.push_back(it->first);
  }
  for (WorkerId id : dead) listener_.OnOwnerDead(id);
}

void OwnerTable::Forget(WorkerId id) {
  const auto it = owners_.find(id);
  if (it == owners_.end()) return;
  if (it->second.timer != 0) {
    timers_.erase(it->second.timer);
    context_.env.CancelTimer(TimerKind::kOwnerCheck, it->second.timer);
  }
  by_address_.erase(it->second.address);
  owners_.erase(it);
}

}  // namespace orrery
