#include "runtime/core_worker/scheduling_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
TaskId TaskOf(const Received& received) {
  const msg::TaskSpec& spec = received.push.As<msg::PushTask>().spec();
  return {WorkerId{spec.owner()}, spec.index()};
}
}  // namespace

SchedulingQueue::SchedulingQueue(const msg::ActorSpec& actor) : groups_(1) {
  groups_[0].limit = std::max(1U, actor.max_concurrency());
  for (const msg::ConcurrencyGroup& given : actor.concurrency_groups()) {
    Group group;
    group.name = given.name();
    group.limit = std::max(1U, given.max_concurrency());
    group.functions.assign(given.functions().begin(), given.functions().end());
    group.methods.assign(given.methods().begin(), given.methods().end());
    std::sort(group.functions.begin(), group.functions.end());
    std::sort(group.methods.begin(), group.methods.end());
    groups_.push_back(std::move(group));
  }
  concurrent_ = groups_.size() > 1 || groups_[0].limit > 1 || actor.asyncio();
  out_of_order_ = actor.out_of_order();
}

Result<uint32_t> SchedulingQueue::GroupOf(const msg::TaskSpec& call) const {
  const std::string& named = call.concurrency_group();
  for (uint32_t i = 1; i < groups_.size(); ++i) {
    const Group& group = groups_[i];
    const bool here = named.empty()
                          ? std::binary_search(group.functions.begin(), group.functions.end(), call.function()) ||
                                std::binary_search(group.methods.begin(), group.methods.end(), call.name())
                          : group.name == named;
    if (here) return i;
  }
  if (named.empty()) return 0U;
  std::string known;
  for (size_t i = 1; i < groups_.size(); ++i) known += (i == 1 ? "; it has: " : ", ") + groups_[i].name;
  return Status(StatusCode::kInvalidArgument, "the actor has no concurrency group '" + named + "'" + known);
}

bool SchedulingQueue::FormerAttemptRuns(const Group& group) {
  const Received& first = group.waiting.front();
  if (first.push.As<msg::PushTask>().attempt() == 0) return false;
  return std::find(group.running.begin(), group.running.end(), TaskOf(first)) != group.running.end();
}

void SchedulingQueue::Take(uint32_t number, Received& call) {
  Group& group = groups_[number];
  call = std::move(group.waiting.front());
  group.waiting.pop_front();
  group.running.push_back(TaskOf(call));
}

void SchedulingQueue::Finish(uint32_t group, TaskId call) {
  std::vector<TaskId>& running = groups_[group].running;
  const auto it = std::find(running.begin(), running.end(), call);
  ORRERY_ASSERT(it != running.end());
  *it = running.back();
  running.pop_back();
}

std::optional<Received> SchedulingQueue::Remove(const Address& from, TaskId call) {
  for (Group& group : groups_) {
    const auto it = std::find_if(group.waiting.begin(), group.waiting.end(), [&](const Received& received) {
      return received.from == from && TaskOf(received) == call;
    });
    if (it == group.waiting.end()) continue;
    Received removed = std::move(*it);
    group.waiting.erase(it);
    return removed;
  }
  return std::nullopt;
}

std::vector<Received> SchedulingQueue::RemoveOf(const Address& from) {
  std::vector<Received> removed;
  for (Group& group : groups_) {
    for (Received& received : group.waiting) {
      if (received.from == from) removed.push_back(std::exchange(received, {}));
    }
    std::erase_if(group.waiting, [](const Received& received) { return !received.from; });
  }
  return removed;
}

std::vector<Received> SchedulingQueue::TakeAll() {
  std::vector<Received> all;
  for (Group& group : groups_) {
    std::move(group.waiting.begin(), group.waiting.end(), std::back_inserter(all));
    group.waiting.clear();
  }
  return all;
}

size_t SchedulingQueue::running() const {
  size_t count = 0;
  for (const Group& group : groups_) count += group.running.size();
  return count;
}

// No call that could start waits.
void SchedulingQueue::CheckInvariants() const {
  for (const Group& group : groups_) {
    ORRERY_ASSERT(group.running.size() <= group.limit);
    ORRERY_ASSERT(!MayStart(group));
    ORRERY_ASSERT(!group.held || !group.running.empty());
  }
}

bool SchedulingQueue::idle() const {
  return std::all_of(groups_.begin(), groups_.end(),
                     [](const Group& group) { return group.waiting.empty() && group.running.empty(); });
}

}  // namespace orrery
