// The large arguments of this node's leases: fetched and pinned lease by lease, within a share of the store.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/object_store/argument_fetcher.h"
#include "runtime/object_store/local_objects.h"
#include "runtime/object_store/residency.h"
#include "runtime/object_store/store_context.h"

namespace orrery {

// A lease is admitted as a whole, so that two leases cannot each hold half of what both need: first come, first served,
// while all admitted ones together need at most argument_memory_fraction of the store; one alone is always admitted.
// What a lease has that has not begun is taken back, from the last one, when a running task needs the room; then what
// begun ones have: a worker pins what it reads itself, and asks for what it finds gone. Otherwise tasks whose results
// find no room beside the arguments of each other would wait for ever.
// (Ray: local_lease_manager.cc and pull_manager.cc.)
class LeaseArguments final : public ArgumentFetcher {
 public:
  LeaseArguments(const StoreContext& context, LocalObjects& objects, Residency& residency)
      : context_(context), objects_(objects), residency_(residency) {}

  Result<bool> Fetch(LeaseId lease, const std::vector<LeaseArgument>& arguments) override;
  bool Arriving(LeaseId lease) const override;
  bool Hold(LeaseId lease) override;
  void SetBlocked(LeaseId lease, bool blocked) override;
  void Drop(LeaseId lease) override;

  void OnPresent(LeaseId lease, LocalObject& object);
  void OnAbsent(LeaseId lease, const Status& status);
  // What the lease has lies in the way of what it still needs: it begins again, the largest first, one after the other.
  // When that was in vain, it fails.
  void OnNoRoomBeside(LeaseId lease, const Status& status);
  // The first lease that waits for arguments to come, or 0.
  LeaseId FirstFetching() const;
  bool Keeps(LeaseId lease, ObjectId object) const;
  // Takes back what the last lease has that has not begun and stands behind `first` (0: anywhere, and then what begun
  // ones have). False: there is none.
  bool SuspendLast(LeaseId first);
  // What SuspendLast can drop in all.
  std::map<ObjectId, uint32_t> PinsToSuspend(LeaseId first) const;
  // Admits whoever fits now.
  void Admit();
  // What to tell the lease manager, in order; emptied.
  std::vector<std::pair<LeaseId, Status>> TakeOutcomes() { return std::exchange(outcomes_, {}); }
  // There is nothing to tell, and since the last Admit no lease came or went.
  bool quiet() const { return outcomes_.empty() && !asked_; }

  size_t size() const { return bundles_.size(); }
  void CheckInvariants() const;

 private:
  // kWaiting: not admitted. kFetching: some are not here yet. kReady: all are here, and may be taken back. kHeld: the
  // lease has begun.
  enum class State : uint8_t { kWaiting, kFetching, kReady, kHeld };
  struct Argument {
    ObjectReference ref;
    int64_t size = 0;
    bool pinned = false;
  };
  struct Bundle {
    std::vector<Argument> arguments;  // each object once, ascending
    State state = State::kWaiting;
    uint64_t ticket = 0;
    size_t missing = 0;
    int64_t local_bytes = 0;  // that were here when the lease came
    bool blocked = false;
    bool counted = false;  // against the share
    bool one_by_one = false;  // see OnNoRoomBeside
    bool Pinned() const {
      return std::any_of(arguments.begin(), arguments.end(), [](const Argument& have) { return have.pinned; });
    }
  };
  struct Use {
    uint32_t bundles = 0;
    int64_t size = 0;
  };
  int64_t Share() const;
  uint64_t TicketOf(LeaseId lease) const { return lease ? bundles_.at(lease).ticket : 0; }
  void Count(Bundle& bundle, bool counted);
  bool Fits(const Bundle& bundle) const;
  void Begin(LeaseId lease, Bundle& bundle);
  void Bring(LeaseId lease, Bundle& bundle);
  void Suspend(LeaseId lease, Bundle& bundle);
  void Release(LeaseId lease, Bundle& bundle);
  void Unpin(Bundle& bundle);
  bool UnpinLastHeld();

  const StoreContext& context_;
  LocalObjects& objects_;
  Residency& residency_;
  std::map<LeaseId, Bundle> bundles_;
  std::map<uint64_t, LeaseId> order_;  // those that have not begun, by ticket
  size_t waiting_ = 0;  // that are not admitted
  std::map<ObjectId, Use> used_;  // by counted bundles
  int64_t used_bytes_ = 0;
  std::vector<std::pair<LeaseId, Status>> outcomes_;
  uint64_t tickets_ = 0;
  bool asked_ = false;
};

}  // namespace orrery
