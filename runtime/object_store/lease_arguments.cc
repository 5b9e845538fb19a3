#include "runtime/object_store/lease_arguments.h"

#include <algorithm>

namespace orrery {

using Pin = LocalObject::Pin;

int64_t LeaseArguments::Share() const {
  return static_cast<int64_t>(static_cast<double>(objects_.arena().capacity()) *
                              context_.settings.argument_memory_fraction);
}

Result<bool> LeaseArguments::Fetch(LeaseId lease, const std::vector<LeaseArgument>& arguments) {
  asked_ = true;
  const auto [it, added] = bundles_.try_emplace(lease);
  Bundle& bundle = it->second;
  if (!added) return bundle.state >= State::kReady;
  int64_t total = 0;
  for (const LeaseArgument& argument : arguments) {
    Status status = residency_.Meet(argument.ref);
    if (status.ok() && argument.size <= 0) status = {StatusCode::kInvalidArgument, "an argument without size"};
    if (!status.ok()) {
      bundles_.erase(it);
      return status;
    }
    const auto at = std::lower_bound(bundle.arguments.begin(), bundle.arguments.end(), argument.ref.id,
                                     [](const Argument& have, ObjectId id) { return have.ref.id < id; });
    if (at != bundle.arguments.end() && at->ref.id == argument.ref.id) continue;
    const int64_t rest = objects_.arena().capacity() - total;
    if (argument.size > rest || Arena::Rounded(argument.size) > rest) {
      bundles_.erase(it);
      return Status(StatusCode::kTooLarge, "the arguments of " + ToString(lease) + " need more than the " +
                                               std::to_string(objects_.arena().capacity()) +
                                               " bytes (object_store_memory) of " + ToString(context_.node));
    }
    total += Arena::Rounded(argument.size);
    bundle.arguments.insert(at, Argument{argument.ref, argument.size, false});
    const LocalObject* object = objects_.Find(argument.ref.id);
    if (object != nullptr && object->state != LocalObject::State::kPulling) bundle.local_bytes += argument.size;
  }
  bundle.ticket = ++tickets_;
  order_.emplace(bundle.ticket, lease);
  ++waiting_;
  Admit();
  asked_ = true;  // what it wants has still to be given room
  if (bundle.state != State::kReady) return false;
  std::erase_if(outcomes_, [&](const auto& outcome) { return outcome.first == lease; });
  return true;
}

bool LeaseArguments::Fits(const Bundle& bundle) const {
  if (used_.empty()) return true;
  int64_t more = 0;
  for (const Argument& argument : bundle.arguments) {
    if (used_.count(argument.ref.id) == 0) more += Arena::Rounded(argument.size);
  }
  return used_bytes_ + more <= Share();
}

void LeaseArguments::Count(Bundle& bundle, bool counted) {
  if (bundle.counted == counted) return;
  bundle.counted = counted;
  for (const Argument& argument : bundle.arguments) {
    const auto it = used_.try_emplace(argument.ref.id, Use{0, Arena::Rounded(argument.size)}).first;
    if (counted && it->second.bundles++ == 0) used_bytes_ += it->second.size;
    if (!counted && --it->second.bundles == 0) {
      used_bytes_ -= it->second.size;
      used_.erase(it);
    }
  }
}

void LeaseArguments::Admit() {
  asked_ = false;
  if (waiting_ == 0) return;
  for (const auto& [ticket, lease] : order_) {
    Bundle& bundle = bundles_.at(lease);
    if (bundle.state != State::kWaiting) continue;
    if (!Fits(bundle)) return;
    Begin(lease, bundle);
  }
}

void LeaseArguments::Begin(LeaseId lease, Bundle& bundle) {
  --waiting_;
  Count(bundle, true);
  bundle.state = State::kFetching;
  bundle.missing = bundle.arguments.size();
  Bring(lease, bundle);
}

// Asks for what the lease has not got: for all, or for the largest.
void LeaseArguments::Bring(LeaseId lease, Bundle& bundle) {
  std::vector<Argument*> missing;
  for (Argument& argument : bundle.arguments) {
    if (!argument.pinned) missing.push_back(&argument);
  }
  if (bundle.one_by_one) {
    std::stable_sort(missing.begin(), missing.end(),
                     [](const Argument* a, const Argument* b) { return a->size > b->size; });
  }
  for (Argument* argument : missing) {
    LocalObject* object =
        residency_.Bring(argument->ref, argument->size, Urgency::kArgument, ObjectWaiter::Lease(lease));
    if (object != nullptr) {
      objects_.AddPin(*object, Pin::kLease);
      argument->pinned = true;
      --bundle.missing;
    } else if (bundle.one_by_one) {
      break;
    }
  }
  if (bundle.missing != 0) return;
  bundle.state = State::kReady;
  outcomes_.emplace_back(lease, Status::Ok());
}

void LeaseArguments::OnPresent(LeaseId lease, LocalObject& object) {
  Bundle& bundle = bundles_.at(lease);
  ORRERY_ASSERT(bundle.state == State::kFetching);
  const auto it = std::find_if(bundle.arguments.begin(), bundle.arguments.end(),
                               [&](const Argument& argument) { return argument.ref.id == object.id(); });
  ORRERY_ASSERT(it != bundle.arguments.end() && !it->pinned);
  objects_.AddPin(object, Pin::kLease);
  it->pinned = true;
  --bundle.missing;
  if (bundle.one_by_one && bundle.missing != 0) return Bring(lease, bundle);
  if (bundle.missing != 0) return;
  bundle.state = State::kReady;
  outcomes_.emplace_back(lease, Status::Ok());
}

void LeaseArguments::OnAbsent(LeaseId lease, const Status& status) {
  Drop(lease);
  outcomes_.emplace_back(lease, status);
}

void LeaseArguments::OnNoRoomBeside(LeaseId lease, const Status& status) {
  Bundle& bundle = bundles_.at(lease);
  if (bundle.one_by_one || bundle.missing == bundle.arguments.size()) return OnAbsent(lease, status);
  bundle.one_by_one = true;
  asked_ = true;
  Suspend(lease, bundle);
}

bool LeaseArguments::Arriving(LeaseId lease) const {
  const auto it = bundles_.find(lease);
  if (it == bundles_.end() || it->second.state != State::kFetching) return false;
  return std::any_of(it->second.arguments.begin(), it->second.arguments.end(), [&](const Argument& argument) {
    return !argument.pinned && residency_.Arriving(argument.ref.id);
  });
}

bool LeaseArguments::Hold(LeaseId lease) {
  Bundle& bundle = bundles_.at(lease);
  if (bundle.state != State::kReady) return false;
  bundle.state = State::kHeld;
  order_.erase(bundle.ticket);
  context_.env.Trace({.kind = TraceKind::kArgumentsLocal,
                      .task = {lease.owner, lease.index},
                      .node = context_.node,
                      .a = bundle.local_bytes});
  return true;
}

void LeaseArguments::SetBlocked(LeaseId lease, bool blocked) {
  const auto it = bundles_.find(lease);
  if (it == bundles_.end() || it->second.state != State::kHeld) return;
  asked_ = true;
  Count(it->second, !blocked);
  it->second.blocked = blocked;
}

void LeaseArguments::Suspend(LeaseId lease, Bundle& bundle) {
  bundle.state = State::kWaiting;
  ++waiting_;
  Release(lease, bundle);
  std::erase_if(outcomes_, [&](const auto& outcome) { return outcome.first == lease; });
}

void LeaseArguments::Release(LeaseId lease, Bundle& bundle) {
  Count(bundle, false);
  if (bundle.state != State::kHeld) {
    for (const Argument& argument : bundle.arguments) {
      if (!argument.pinned) residency_.GiveUp(argument.ref.id, ObjectWaiter::Lease(lease));
    }
  }
  Unpin(bundle);
}

void LeaseArguments::Unpin(Bundle& bundle) {
  for (Argument& argument : bundle.arguments) {
    if (!argument.pinned) continue;
    argument.pinned = false;
    LocalObject& object = *objects_.Find(argument.ref.id);
    objects_.DropPin(object, Pin::kLease);
    residency_.Released(object);
  }
}

void LeaseArguments::Drop(LeaseId lease) {
  const auto it = bundles_.find(lease);
  if (it == bundles_.end()) return;
  asked_ = true;
  waiting_ -= it->second.state == State::kWaiting;
  Release(lease, it->second);
  order_.erase(it->second.ticket);
  bundles_.erase(it);
  std::erase_if(outcomes_, [&](const auto& outcome) { return outcome.first == lease; });
}

LeaseId LeaseArguments::FirstFetching() const {
  for (const auto& [ticket, lease] : order_) {
    if (bundles_.at(lease).state == State::kFetching) return lease;
  }
  return {};
}

bool LeaseArguments::Keeps(LeaseId lease, ObjectId object) const {
  const auto it = bundles_.find(lease);
  if (it == bundles_.end()) return false;
  return std::any_of(it->second.arguments.begin(), it->second.arguments.end(),
                     [&](const Argument& argument) { return argument.pinned && argument.ref.id == object; });
}

bool LeaseArguments::SuspendLast(LeaseId first) {
  for (auto it = order_.rbegin(); it != order_.rend() && it->first > TicketOf(first); ++it) {
    Bundle& bundle = bundles_.at(it->second);
    if (bundle.state == State::kWaiting) continue;
    Suspend(it->second, bundle);
    return true;
  }
  return !first && UnpinLastHeld();
}

bool LeaseArguments::UnpinLastHeld() {
  Bundle* last = nullptr;
  for (auto& [lease, bundle] : bundles_) {
    if (bundle.state == State::kHeld && bundle.Pinned() && (last == nullptr || bundle.ticket > last->ticket))
      last = &bundle;
  }
  if (last == nullptr) return false;
  Unpin(*last);
  return true;
}

std::map<ObjectId, uint32_t> LeaseArguments::PinsToSuspend(LeaseId first) const {
  std::map<ObjectId, uint32_t> pins;
  for (const auto& [lease, bundle] : bundles_) {
    const bool held = bundle.state == State::kHeld;
    if (held ? static_cast<bool>(first) : bundle.ticket <= TicketOf(first)) continue;
    for (const Argument& argument : bundle.arguments) {
      if (argument.pinned) ++pins[argument.ref.id];
    }
  }
  return pins;
}

void LeaseArguments::CheckInvariants() const {
  std::map<ObjectId, uint32_t> pins, uses;
  size_t waiting = 0, before = 0;
  for (const auto& [lease, bundle] : bundles_) {
    waiting += bundle.state == State::kWaiting;
    before += bundle.state != State::kHeld;
    ORRERY_ASSERT(bundle.counted == (bundle.state != State::kWaiting && !bundle.blocked));
    size_t missing = 0, wanted = 0;
    for (const Argument& argument : bundle.arguments) {
      pins[argument.ref.id] += argument.pinned;
      uses[argument.ref.id] += bundle.counted;
      missing += !argument.pinned;
      wanted += !argument.pinned && residency_.Wanted(argument.ref.id);
    }
    if (bundle.state == State::kHeld) continue;
    ORRERY_ASSERT(bundle.state == State::kWaiting ? missing == bundle.arguments.size() : missing == bundle.missing);
    ORRERY_ASSERT(bundle.state != State::kFetching || wanted != 0);
    ORRERY_ASSERT((bundle.state == State::kFetching) == (bundle.state != State::kWaiting && missing != 0));
  }
  ORRERY_ASSERT(waiting == waiting_ && before == order_.size());
  int64_t bytes = 0;
  for (const auto& [object, use] : used_) {
    ORRERY_ASSERT(use.bundles == uses[object]);
    bytes += use.size;
  }
  ORRERY_ASSERT(bytes == used_bytes_);
  for (const auto& [id, object] : objects_.all()) {
    const auto it = pins.find(id);
    ORRERY_ASSERT(object.pins[static_cast<size_t>(Pin::kLease)] == (it == pins.end() ? 0 : it->second));
  }
}

}  // namespace orrery
