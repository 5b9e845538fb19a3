// Room that clients have been given for values that they have not made yet, so that a put need not ask before it
 // writes.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "runtime/object_store/local_objects.h"
#include "runtime/object_store/store_context.h"

namespace orrery {

// A client that puts again and again has more and more of them: one further room of the same size, then two, four, up
// to kMost; when it has used half of them it gets others before it could ask. Never more per client than
// object_room_ahead_bytes and object_room_ahead_fraction of the store, and never more than a quarter of what is free.
// Rooms come back when the client uses them (SealInRoom) or returns them, which it is asked for when room is short and
// when it has put nothing for object_room_idle; and when it ends. What a client says of its rooms is believed only as
// far as it agrees with what it was given.
class RoomsAhead {
 public:
  static constexpr int64_t kMost = 16;  // rooms per client

  RoomsAhead(const StoreContext& context, LocalObjects& objects) : context_(context), objects_(objects) {}

  // `client` makes objects of this size: gives it further rooms (GiveRooms). Takes nothing from anybody for them.
  void Give(const Address& client, int64_t size);
  // The client is about to make an object of `size` bytes in this room, which is no longer one of its rooms ahead but
  // stays reserved. False: it has no such room.
  bool Take(const Address& client, int64_t room, int64_t size);
  // It does not need this room; one that it does not have is ignored.
  void Return(const Address& client, int64_t room);
  void OnClientLost(const Address& client);
  // Room is short: asks every client for what it does not use.
  void Reclaim() {
    if (count_ != 0) AskAll();
  }
  // kRoomsAhead.
  void OnTimer();

  // Rooms of all clients.
  size_t count() const { return count_; }
  // No client has or had any lately.
  bool idle() const { return holders_.empty(); }
  void CheckInvariants() const;

 private:
  struct Holder {
    std::set<int64_t> rooms;
    int64_t bytes = 0;  // of them
    int64_t wanted = 0;  // how many it should have
    bool active = true;  // since the last timer
    bool asked = false;  // for all of them, since the last timer
  };
  void Ask(const Address& client, Holder& holder);
  void AskAll();
  void Forget(Holder& holder, int64_t room);

  const StoreContext& context_;
  LocalObjects& objects_;
  std::map<Address, Holder> holders_;
  size_t count_ = 0;
  bool timer_ = false;  // kRoomsAhead is set
};

}  // namespace orrery
