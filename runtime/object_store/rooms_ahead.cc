#include "runtime/object_store/rooms_ahead.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void RoomsAhead::Give(const Address& client, int64_t size) {
  const Settings& settings = context_.settings;
  const Arena& arena = objects_.arena();
  const auto share = static_cast<int64_t>(static_cast<double>(arena.capacity()) * settings.object_room_ahead_fraction);
  const int64_t limit = std::min(settings.object_room_ahead_bytes, share);
  const int64_t each = Arena::Rounded(size);
  if (each > limit) return;
  Holder& holder = holders_[client];
  holder.active = true;
  if (!timer_) context_.env.SetTimer(settings.object_room_idle, TimerKind::kRoomsAhead, 0);
  timer_ = true;
  const int64_t most = std::min({holder.wanted - static_cast<int64_t>(holder.rooms.size()),
                                 (limit - holder.bytes) / each, arena.free() / 4 / each});
  holder.wanted = std::clamp<int64_t>(holder.wanted * 2, 1, kMost);
  if (most <= 0) return;
  Draft<msg::GiveRooms> given;
  given->set_size(size);
  while (given->offsets_size() < most) {
    const auto room = objects_.Reserve(size);
    if (!room) break;
    given->add_offsets(*room);
    holder.rooms.insert(*room);
    holder.bytes += each;
    ++count_;
  }
  if (given->offsets_size() > 0) context_.env.Send(client, std::move(given));
}

void RoomsAhead::Forget(Holder& holder, int64_t room) {
  holder.rooms.erase(room);
  holder.bytes -= Arena::Rounded(objects_.SizeOfRoom(room));
  --count_;
}

bool RoomsAhead::Take(const Address& client, int64_t room, int64_t size) {
  const auto it = holders_.find(client);
  if (it == holders_.end() || it->second.rooms.count(room) == 0) return false;
  if (size <= 0 || size > objects_.SizeOfRoom(room)) return false;
  Holder& holder = it->second;
  const int64_t whole = objects_.SizeOfRoom(room);
  holder.active = true;
  Forget(holder, room);
  if (!holder.asked && static_cast<int64_t>(holder.rooms.size()) <= holder.wanted / 2) Give(client, whole);
  return true;
}

void RoomsAhead::Return(const Address& client, int64_t room) {
  const auto it = holders_.find(client);
  if (it == holders_.end() || it->second.rooms.count(room) == 0) return;
  Forget(it->second, room);
  objects_.Unreserve(room);
}

void RoomsAhead::OnClientLost(const Address& client) {
  const auto it = holders_.find(client);
  if (it == holders_.end()) return;
  for (int64_t room : it->second.rooms) objects_.Unreserve(room);
  count_ -= it->second.rooms.size();
  holders_.erase(it);
}

void RoomsAhead::Ask(const Address& client, Holder& holder) {
  if (holder.rooms.empty() || holder.asked) return;
  holder.asked = true;
  context_.env.Send(client, Draft<msg::ReclaimRooms>());
}

void RoomsAhead::AskAll() {
  for (auto& [client, holder] : holders_) {
    holder.wanted = 0;
    Ask(client, holder);
  }
}

// What is being written when a client is asked is no answer to the question: it is asked again.
void RoomsAhead::OnTimer() {
  for (auto it = holders_.begin(); it != holders_.end();) {
    Holder& holder = it->second;
    holder.asked = false;
    if (!holder.active) {
      holder.wanted = 0;
      Ask(it->first, holder);
    }
    const bool gone = !holder.active && holder.rooms.empty();
    holder.active = false;
    it = gone ? holders_.erase(it) : std::next(it);
  }
  timer_ = !holders_.empty();
  if (timer_) context_.env.SetTimer(context_.settings.object_room_idle, TimerKind::kRoomsAhead, 0);
}

void RoomsAhead::CheckInvariants() const {
  size_t count = 0;
  for (const auto& [client, holder] : holders_) {
    int64_t bytes = 0;
    for (int64_t room : holder.rooms) {
      ORRERY_ASSERT_MSG(objects_.SizeOfRoom(room) > 0, "a room that is not reserved");
      bytes += Arena::Rounded(objects_.SizeOfRoom(room));
    }
    ORRERY_ASSERT(bytes == holder.bytes && static_cast<int64_t>(holder.rooms.size()) <= kMost);
    count += holder.rooms.size();
  }
  ORRERY_ASSERT(count == count_ && (timer_ || holders_.empty()));
}

}  // namespace orrery
