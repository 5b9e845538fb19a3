#include "runtime/api/guest.h"

#include <atomic>

namespace orrery::internal {

namespace {

std::atomic<Guest*> the_guest{nullptr};

}  // namespace

void SetGuest(Guest* guest) { the_guest.store(guest); }
Guest* CurrentGuest() { return the_guest.load(std::memory_order_relaxed); }

}  // namespace orrery::internal
