// Which of a worker's tasks, or of its actor's calls, may start now.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/env/address.h"
#include "runtime/messages/message.h"

namespace orrery::msg {
class ActorSpec;
class TaskSpec;
}  // namespace orrery::msg

namespace orrery {

// A task as its owner has pushed it.
struct Received {
  Address from;
  Message push;  // PushTask
  std::vector<ObjectId> mapped = {};  // arguments that are held in the node's store already
};

// A first-in-first-out line for each concurrency group, whose calls never wait for those of another group, with a limit
// of calls that run at once. A worker that is no actor has one group, which runs one task at a time. Connections keep
// the order in which a caller makes its calls, so that a line starts them in that order, too. (Sources: Ray's
// ActorSchedulingQueue, OutOfOrderActorSchedulingQueue and ConcurrencyGroupManager.)
class SchedulingQueue {
 public:
  SchedulingQueue() : groups_(1) {}
  // The lines of that actor's calls.
  explicit SchedulingQueue(const msg::ActorSpec& actor);

  // Calls run on threads other than that of the constructor.
  bool concurrent() const { return concurrent_; }
  // Calls enter their line when their arguments are here.
  bool out_of_order() const { return out_of_order_; }

  // There is but one group, which has no name.
  bool plain() const { return groups_.size() == 1; }
  // Where a call belongs; kInvalidArgument when it names a group that the actor has not.
  Result<uint32_t> GroupOf(const msg::TaskSpec& call) const;
  void Push(uint32_t group, Received&& call) { groups_[group].waiting.push_back(std::move(call)); }

  // The first group of which a call may start. None does while its first is a further attempt of a call whose former
  // attempt still runs (its caller has lost the connection in between), or the group is held.
  std::optional<uint32_t> Next() const {
    for (uint32_t i = 0; i < groups_.size(); ++i) {
      if (MayStart(groups_[i])) return i;
    }
    return std::nullopt;
  }
  // Takes that call out of its line; it counts as running until Finish.
  void Take(uint32_t group, Received& call);
  void Finish(uint32_t group, TaskId call);
  // Nothing of the group starts: the one that was taken last waits for its arguments, and those behind it for it.
  void Hold(uint32_t group, bool held) { groups_[group].held = held; }

  // Takes a waiting call out of its line; nullopt when it does not wait.
  std::optional<Received> Remove(const Address& from, TaskId call);
  std::vector<Received> RemoveOf(const Address& from);
  // All that wait, group by group.
  std::vector<Received> TakeAll();

  bool idle() const;
  size_t running() const;
  void CheckInvariants() const;

 private:
  struct Group {
    Group() = default;
    Group(Group&&) = default;  // moves only: calls do not copy
    Group& operator=(Group&&) = default;
    std::string name;
    size_t limit = 1;
    std::vector<uint64_t> functions;  // sorted; of methods whose place this is
    std::vector<std::string> methods;  // sorted; the same by name
    std::deque<Received> waiting = {};
    std::vector<TaskId> running = {};
    bool held = false;
  };
  static bool MayStart(const Group& group) {
    if (group.waiting.empty() || group.held || group.running.size() >= group.limit) return false;
    return group.running.empty() || !FormerAttemptRuns(group);
  }
  static bool FormerAttemptRuns(const Group& group);

  std::vector<Group> groups_;  // the first is that of calls which belong to no other
  bool concurrent_ = false;
  bool out_of_order_ = false;
};

}  // namespace orrery
