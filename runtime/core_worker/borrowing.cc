#include "runtime/core_worker/borrowing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
RequestKey AddKey(uint64_t sequence) { return {MessageKind::kAddBorrower, sequence, 0}; }
RequestKey RemoveKey(uint64_t sequence) { return {MessageKind::kRemoveBorrower, sequence, 0}; }
}  // namespace

void Borrowing::ErasePeer(std::map<Address, Peer>& peers, const Address& address, ObjectId object) {
  auto it = peers.find(address);
  if (it == peers.end()) return;
  it->second.objects.erase(object);
  if (it->second.objects.empty()) peers.erase(it);
}

// ---- this process as a borrower ----

void Borrowing::Enter(const ObjectReference& object, bool guarded) {
  ObjectExtra& extra = store_.Get(object.id)->Extra();
  extra.owner = object.owner;
  Peer& lender = lenders_[object.owner];
  lender.worker = object.id.task.owner;
  lender.objects.insert(object.id);
  if (dead_nodes_.count(object.id.task.owner.node()) != 0) {
    return Fail(object.id, StatusCode::kOwnerDied, "the node of its owner is dead");
  }
  if (guarded) {
    extra.registration = Registration::kGuarded;
    guarded_.insert(object.id);
  } else {
    Register(object.id, extra);
  }
}

void Borrowing::Register(ObjectId object, ObjectExtra& extra) {
  extra.registration = Registration::kAsked;
  const uint64_t sequence = ++sequence_;
  unanswered_.emplace(sequence, ObjectReference{object, extra.owner});
  Draft<msg::AddBorrower> add;
  ToProto(object, add->mutable_object());
  add->set_borrower(core_.id.value);
  ToProto(core_.options.self, add->mutable_address());
  add->set_sequence(sequence);
  core_.requests.Send(AddKey(sequence), extra.owner, std::move(add));
}

void Borrowing::RegisterGuarded() {
  for (ObjectId object : std::exchange(guarded_, {})) {
    ObjectRecord* record = store_.Get(object);
    if (record != nullptr && record->foreign() && record->extra->registration == Registration::kGuarded) {
      Register(object, *record->extra);
    }
  }
}

void Borrowing::Leave(ObjectId object, const ObjectExtra& extra) {
  ErasePeer(lenders_, extra.owner, object);
  if (extra.registration == Registration::kGuarded) guarded_.erase(object);
  if (closed_ || extra.registration == Registration::kGuarded || extra.registration == Registration::kVoid) return;
  const uint64_t sequence = ++sequence_;
  Draft<msg::RemoveBorrower> remove;
  ToProto(object, remove->mutable_object());
  remove->set_borrower(core_.id.value);
  remove->set_sequence(sequence);
  removing_.emplace(sequence, ObjectReference{object, extra.owner});
  LetGo({sequence, RemoveKey(sequence), extra.owner, std::move(remove)});
}

void Borrowing::SendAfterRegistrations(const Address& to, Message message) {
  LetGo({sequence_, {}, to, std::move(message)});
}

void Borrowing::LetGo(LettingGo action) {
  held_back_.push_back(std::move(action));
  Answered(0);
}

// In the order they were held back: each waits for what was begun before it, so those behind it wait as long at least.
void Borrowing::Answered(uint64_t sequence) {
  unanswered_.erase(sequence);
  while (!held_back_.empty() && (unanswered_.empty() || unanswered_.begin()->first > held_back_.front().barrier)) {
    LettingGo action = std::move(held_back_.front());
    held_back_.pop_front();
    if (action.key.kind == MessageKind::kNone)
      core_.env.Send(action.to, std::move(action.message));
    else
      core_.requests.Send(action.key, action.to, std::move(action.message));
  }
}

void Borrowing::OnBorrowerAdded(const msg::BorrowerAdded& reply) {
  auto it = unanswered_.find(reply.sequence());
  if (it == unanswered_.end()) {
    return core_.env.Trace({.kind = TraceKind::kStaleMessage, .worker = core_.id, .text = "BorrowerAdded"});
  }
  core_.requests.Done(AddKey(reply.sequence()));
  const ObjectId object = it->second.id;
  // A second registration of the same object may be under way: then it is that one's answer that counts.
  const bool last =
      std::none_of(std::next(it), unanswered_.end(), [&](const auto& u) { return u.second.id == object; });
  ObjectRecord* record = store_.Get(object);
  if (last && record != nullptr && record->foreign() && record->extra->registration == Registration::kAsked) {
    if (reply.status() == 0)
      record->extra->registration = Registration::kRegistered;
    else
      Fail(object, StatusCode::kObjectLost, "its owner had freed it before this process was known to refer to it");
  }
  Answered(reply.sequence());
}

void Borrowing::OnBorrowerRemoved(const msg::BorrowerRemoved& reply) {
  core_.requests.Done(RemoveKey(reply.sequence()));
  removing_.erase(reply.sequence());
}

// Nothing is to be had from the owner any more. A small value that has come before stays readable.
void Borrowing::Fail(ObjectId object, StatusCode status, const std::string& reason) {
  ObjectRecord* record = store_.Get(object);
  if (record == nullptr || !record->foreign()) return;
  ObjectExtra& extra = *record->extra;
  if (extra.registration == Registration::kGuarded) guarded_.erase(object);
  extra.registration = Registration::kVoid;
  if (extra.asked != 0) core_.requests.Done({MessageKind::kGetObjectStatus, std::exchange(extra.asked, 0), 0});
  StoredValue value{status, {}, ToString(object) + ": " + reason, {}, 0};
  if (!record->ready) return core_.actions->Seal(object, std::move(value));
  if (!record->stored()) return;
  extra.size = 0;
  record->value = std::move(value);
}

// ---- this process as an owner ----

void Borrowing::OnAddBorrower(const Address& from, const msg::AddBorrower& request) {
  const ObjectId object = FromProto(request.object());
  ObjectRecord* record = store_.Get(object);
  Draft<msg::BorrowerAdded> reply;
  reply->mutable_object()->CopyFrom(request.object());
  reply->set_sequence(request.sequence());
  if (record == nullptr || record->foreign()) {
    reply->set_status(static_cast<uint32_t>(StatusCode::kNotFound));
  } else {
    ObjectExtra& extra = record->Extra();
    const Address address = FromProto(request.address());
    auto it = std::find_if(extra.borrowers.begin(), extra.borrowers.end(),
                           [&](const Borrower& b) { return b.address == address; });
    if (it == extra.borrowers.end()) {
      it = extra.borrowers.insert(it, {address, WorkerId{request.borrower()}, 0, false});
    }
    if (request.sequence() > it->sequence) {
      it->sequence = request.sequence();
      if (!it->active) ++extra.active_borrowers;
      it->active = true;
      Peer& peer = borrowers_[address];
      peer.worker = it->worker;
      peer.objects.insert(object);
    }
  }
  core_.env.Send(from, std::move(reply));
}

void Borrowing::OnRemoveBorrower(const Address& from, const msg::RemoveBorrower& request) {
  const ObjectId object = FromProto(request.object());
  if (ObjectRecord* record = store_.Get(object); record != nullptr && record->extra != nullptr) {
    for (Borrower& borrower : record->extra->borrowers) {
      if (borrower.worker != WorkerId{request.borrower()} || request.sequence() <= borrower.sequence) continue;
      borrower.sequence = request.sequence();
      if (!std::exchange(borrower.active, false)) continue;
      --record->extra->active_borrowers;
      ErasePeer(borrowers_, borrower.address, object);
    }
    store_.MaybeDrop(object, *record);
  }
  Draft<msg::BorrowerRemoved> reply;
  reply->mutable_object()->CopyFrom(request.object());
  reply->set_sequence(request.sequence());
  core_.env.Send(from, std::move(reply));
}

// ---- both ----

bool Borrowing::Knows(const Address& peer) const {
  if (lenders_.count(peer) != 0 || borrowers_.count(peer) != 0) return true;
  const auto is_its = [&](const auto& entry) { return entry.second.owner == peer; };
  return std::any_of(unanswered_.begin(), unanswered_.end(), is_its) ||
         std::any_of(removing_.begin(), removing_.end(), is_its);
}

void Borrowing::OnPeerDead(const Address& peer, const std::string& reason) {
  if (auto it = borrowers_.find(peer); it != borrowers_.end()) {
    const Peer gone = std::move(it->second);
    borrowers_.erase(it);
    for (ObjectId object : gone.objects) {
      ObjectRecord* record = store_.Get(object);
      if (record == nullptr || record->extra == nullptr) continue;
      for (Borrower& borrower : record->extra->borrowers) {
        if (borrower.address == peer && std::exchange(borrower.active, false)) --record->extra->active_borrowers;
      }
      store_.MaybeDrop(object, *record);
    }
  }
  if (auto it = lenders_.find(peer); it != lenders_.end()) {
    const std::set<ObjectId> objects = it->second.objects;
    for (ObjectId object : objects) Fail(object, StatusCode::kOwnerDied, reason);
  }
  // Last: what went out of scope above may have had something to say to it.
  for (const RequestKey& key : core_.requests.KeysTo(peer)) {
    if (key.kind == MessageKind::kAddBorrower || key.kind == MessageKind::kRemoveBorrower) core_.requests.Done(key);
  }
  std::vector<uint64_t> answered;
  for (const auto& [sequence, object] : unanswered_) {
    if (object.owner == peer) answered.push_back(sequence);
  }
  for (uint64_t sequence : answered) unanswered_.erase(sequence);
  std::erase_if(removing_, [&](const auto& entry) { return entry.second.owner == peer; });
  std::erase_if(held_back_, [&](const LettingGo& action) { return action.to == peer; });
  Answered(0);
}

void Borrowing::OnNodeDied(NodeId node) {
  dead_nodes_.insert(node);
  std::set<Address> dead;
  for (const auto* peers : {&lenders_, &borrowers_}) {
    for (const auto& [address, peer] : *peers) {
      if (peer.worker.node() == node) dead.insert(address);
    }
  }
  for (const auto* said : {&unanswered_, &removing_}) {
    for (const auto& [sequence, object] : *said) {
      if (object.id.task.owner.node() == node) dead.insert(object.owner);
    }
  }
  for (const Address& address : dead) OnPeerDead(address, "its owner's " + ToString(node) + " is dead");
}

void Borrowing::Forget() {
  closed_ = true;
  guarded_.clear();
  unanswered_.clear();
  held_back_.clear();
  removing_.clear();
  lenders_.clear();
  borrowers_.clear();
}

}  // namespace orrery
