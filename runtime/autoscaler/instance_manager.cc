#include "runtime/autoscaler/instance_manager.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

using State = Instance::State;

constexpr int kListsToBelieve = 2;  // that an instance is gone: a provider's list may lag behind
constexpr int kPicturesToBelieve = 2;  // that a node is dead: a GCS that came back learns of its nodes one by one
constexpr int kMostDoublings = 6;

}  // namespace

InstanceManager::InstanceManager(Env& env, const Settings& settings, PendingRequests& requests, const Address& gcs,
                                 InstanceListener& listener)
    : env_(env), settings_(settings), requests_(requests), gcs_(gcs), listener_(listener), table_(env, requests, gcs) {}

// ---- launching ------------------------------------------------------------------------------------------------------

void InstanceManager::Launch(const std::string& type, int64_t count) {
  for (int64_t i = 0; i < count; ++i) table_.Add(type);
}

void InstanceManager::OnKvReply(const msg::KvReply& reply) {
  const bool was_loaded = table_.loaded();
  table_.OnKvReply(reply);
  // What the predecessor may have asked for: the same question again cannot launch it twice.
  if (!was_loaded && table_.loaded()) {
    for (const auto& [id, instance] : table_.all()) ready_[instance.type].push_back(id);
  }
  Pump();
}

void InstanceManager::Pump() {
  for (uint64_t id : table_.TakeStored()) ready_[table_.Find(id)->type].push_back(id);
  for (auto& [type, ids] : ready_) {
    std::erase_if(ids, [&](uint64_t id) {
      const Instance* instance = table_.Find(id);
      return instance == nullptr || (instance->state != State::kQueued && instance->state != State::kRequested);
    });
    if (ids.empty() || static_cast<int64_t>(launching_.size()) >= settings_.max_concurrent_launches) continue;
    SendLaunch(type, std::exchange(ids, {}));
  }
}

void InstanceManager::SendLaunch(const std::string& type, const std::vector<uint64_t>& instances) {
  const uint64_t request = ++last_request_;
  Launching& launching = launching_[request];
  launching.type = type;
  Draft<msg::LaunchInstances> launch;
  launch->set_request(request);
  launch->set_node_type(type);
  for (uint64_t id : instances) {
    Instance& instance = *table_.Find(id);
    if (instance.state == State::kQueued) table_.Move(instance, State::kRequested);
    launching.open.insert(id);
    launch->add_instances(id);
  }
  requests_.Send({MessageKind::kLaunchInstances, request, 0}, Address::Provider(), std::move(launch));
}

void InstanceManager::Answered(uint64_t instance) {
  for (auto it = launching_.begin(); it != launching_.end(); ++it) {
    if (it->second.open.erase(instance) == 0 || !it->second.open.empty()) continue;
    requests_.Done({MessageKind::kLaunchInstances, it->first, 0});
    launching_.erase(it);
    return;
  }
}

void InstanceManager::OnLaunched(const msg::InstancesLaunched& reply) {
  for (const msg::LaunchOutcome& outcome : reply.outcomes()) {
    Instance* instance = table_.Find(outcome.instance());
    if (instance == nullptr || instance->state != State::kRequested) {
      env_.Trace({.kind = TraceKind::kStaleMessage, .text = "InstancesLaunched"});
      continue;
    }
    if (outcome.status() != 0) {
      LaunchFailed(outcome.instance(), outcome.message());
      continue;
    }
    Answered(outcome.instance());
    instance->cloud_id = outcome.cloud_id();
    table_.Move(*instance, State::kAllocated);
  }
  table_.Flush();
  Pump();
}

void InstanceManager::LaunchFailed(uint64_t id, const std::string& reason) {
  const std::string type = table_.Find(id)->type;
  Answered(id);
  table_.Remove(id);
  BackOff(type);
  listener_.OnInstanceNews("failed", type, 1, reason);
}

// After a launch that came to nothing; an instance whose node joins ends it.
void InstanceManager::BackOff(const std::string& type) {
  Failures& failures = failures_[type];
  if (failures.until > env_.Now()) return;  // several of one request are one failure
  const int doublings = std::min(failures.count++, kMostDoublings);
  failures.until = env_.Now() + settings_.launch_backoff * (int64_t{1} << doublings);
}

bool InstanceManager::BackedOff(const std::string& type) const {
  const auto failures = failures_.find(type);
  return failures != failures_.end() && failures->second.until > env_.Now();
}

// ---- ending ---------------------------------------------------------------------------------------------------------

void InstanceManager::End(uint64_t id, bool only_if_idle, const std::string& reason) {
  Instance* instance = table_.Find(id);
  if (instance == nullptr) return;
  switch (instance->state) {
    case State::kQueued: return table_.Remove(id);
    case State::kRequested: return;  // the provider has not said what it is; a later round asks again
    case State::kAllocated: return Terminate(*instance, reason);
    case State::kRunning: return Drain(*instance, only_if_idle, settings_.drain_timeout, reason);
    case State::kDraining:
    case State::kTerminating: return;
  }
}

void InstanceManager::Drain(Instance& instance, bool only_if_idle, Duration deadline, const std::string& reason) {
  table_.Move(instance, State::kDraining);
  Draft<msg::DrainNode> order;
  order->set_node(instance.node.value);
  order->set_only_if_idle(only_if_idle);
  order->set_deadline_ns(deadline.ns);
  order->set_reason(reason);
  requests_.Send({MessageKind::kDrainNode, instance.node.value, 0}, gcs_, std::move(order));
}

void InstanceManager::OnDrained(const msg::DrainNodeReply& reply) {
  if (!requests_.Done({MessageKind::kDrainNode, reply.node(), 0}) || reply.accepted()) return;
  for (auto& [id, instance] : table_.all()) {
    if (instance.node.value != reply.node() || instance.state != State::kDraining) continue;
    table_.Move(instance, State::kRunning);
    listener_.OnInstanceNews("keep", instance.type, 1, "got work while it was to be drained");
    return;
  }
}

void InstanceManager::Terminate(Instance& instance, const std::string& reason) {
  table_.Move(instance, State::kTerminating);
  requests_.Done({MessageKind::kDrainNode, instance.node.value, 0});
  listener_.OnInstanceNews("terminate", instance.type, 1, reason);
  SendTerminate(instance.cloud_id);
}

void InstanceManager::SendTerminate(const std::string& cloud_id) {
  const auto [it, added] = terminations_.try_emplace(cloud_id, last_request_ + 1);
  if (added) ++last_request_;
  Draft<msg::TerminateInstances> terminate;
  terminate->set_request(it->second);
  terminate->add_cloud_ids(cloud_id);
  requests_.Send({MessageKind::kTerminateInstances, it->second, 0}, Address::Provider(), std::move(terminate));
}

void InstanceManager::OnTerminated(const msg::InstancesTerminated& reply) {
  if (reply.status() != 0)  // it is asked again
    return listener_.OnInstanceNews("failed", "", 0, "the provider does not terminate: " + reply.message());
  requests_.Done({MessageKind::kTerminateInstances, reply.request(), 0});
  for (const std::string& cloud_id : reply.cloud_ids()) terminations_.erase(cloud_id);
}

// The list has it no more, or an event says so.
void InstanceManager::Gone(uint64_t id, const std::string& reason) {
  const Instance& instance = *table_.Find(id);
  if (const auto asked = terminations_.find(instance.cloud_id); asked != terminations_.end()) {
    requests_.Done({MessageKind::kTerminateInstances, asked->second, 0});
    terminations_.erase(asked);
  }
  if (instance.state == State::kDraining && !instance.preempted)  // where a node that leaves takes its instance with it
    listener_.OnInstanceNews("terminate", instance.type, 1, "drained");
  else if (instance.state != State::kTerminating)
    listener_.OnInstanceNews("lost", instance.type, 1, reason);
  if (instance.state == State::kAllocated)
    BackOff(instance.type);  // else what dies at once would be launched each round
  requests_.Done({MessageKind::kDrainNode, instance.node.value, 0});
  table_.Remove(id);
}

void InstanceManager::OnInstanceEvent(const msg::InstanceEvent& event) {
  Instance* instance = table_.FindByCloudId(event.cloud_id());
  if (instance == nullptr) return;
  if (event.gone()) {
    Gone(instance->id, "taken away by the provider");
    return table_.Flush();
  }
  instance->preempted = true;
  if (instance->state != State::kRunning) return;
  listener_.OnInstanceNews("drain", instance->type, 1, "the provider will take it away");
  Drain(*instance, false, Duration{event.notice_ns()}, "the provider will take it away");
}

// ---- comparing ------------------------------------------------------------------------------------------------------

void InstanceManager::Reconcile(const msg::InstanceList& list, const msg::AutoscalerState& state) {
  MatchList(list);
  MatchNodes(state);
  CheckTimes();
  table_.Flush();
  Pump();
}

void InstanceManager::MatchList(const msg::InstanceList& list) {
  std::set<uint64_t> listed;
  for (const msg::CloudInstance& cloud : list.instances()) {
    if (cloud.instance() == 0) continue;  // not one of ours
    listed.insert(cloud.instance());
    table_.NoteNumber(cloud.instance());
    Instance* instance = table_.Find(cloud.instance());
    if (instance == nullptr) {
      // Given up before it appeared. Nobody would ever end it.
      if (cloud.terminating() || terminations_.count(cloud.cloud_id()) != 0) continue;
      listener_.OnInstanceNews("terminate", cloud.node_type(), 1, "unknown instance " + cloud.cloud_id());
      SendTerminate(cloud.cloud_id());
      continue;
    }
    instance->missed = 0;
    if (instance->state == State::kRequested) {  // the answer was lost, or asked of a predecessor
      Answered(instance->id);
      instance->cloud_id = cloud.cloud_id();
      table_.Move(*instance, State::kAllocated);
    }
  }
  std::vector<uint64_t> gone;
  for (auto& [id, instance] : table_.all()) {
    if (instance.state == State::kQueued || instance.state == State::kRequested || listed.count(id) != 0) continue;
    if (++instance.missed >= kListsToBelieve || instance.state == State::kTerminating) gone.push_back(id);
  }
  for (uint64_t id : gone) Gone(id, "the provider has it no more");
}

void InstanceManager::MatchNodes(const msg::AutoscalerState& state) {
  std::map<uint64_t, NodeId> nodes;
  for (const msg::NodeLoad& node : state.nodes()) {
    for (const msg::Label& label : node.labels()) {
      if (label.key() == kInstanceLabel) nodes[std::strtoull(label.value().c_str(), nullptr, 10)] = NodeId{node.node()};
    }
  }
  for (auto& [id, instance] : table_.all()) {
    const auto node = nodes.find(id);
    if (node != nodes.end()) {
      instance.node = node->second;
      instance.node_missed = 0;
      if (instance.state != State::kAllocated) continue;
      table_.Move(instance, State::kRunning);
      failures_.erase(instance.type);
    } else if (instance.state == State::kRunning && ++instance.node_missed >= kPicturesToBelieve) {
      Terminate(instance, "its node is dead");
    } else if (instance.state == State::kDraining) {
      Terminate(instance, "drained");
    }
  }
}

void InstanceManager::CheckTimes() {
  std::vector<uint64_t> given_up;
  for (auto& [id, instance] : table_.all()) {
    const Duration age = env_.Now() - instance.since;
    if (instance.state == State::kRequested && age >= settings_.instance_request_timeout) {
      given_up.push_back(id);
    } else if (instance.state == State::kAllocated && age >= settings_.instance_boot_timeout) {
      Terminate(instance, "its node did not join in instance_boot_timeout");
    } else if (instance.state == State::kDraining && age >= settings_.drain_timeout) {
      Terminate(instance, "drain_timeout");
    } else if (instance.state == State::kTerminating && age >= settings_.instance_terminate_timeout) {
      instance.since = env_.Now();
      SendTerminate(instance.cloud_id);
    }
  }
  for (uint64_t id : given_up) LaunchFailed(id, "no answer in instance_request_timeout");
}

void InstanceManager::CheckInvariants() const {
  std::set<uint64_t> open;
  for (const auto& [request, launching] : launching_) {
    ORRERY_ASSERT(!launching.open.empty());
    ORRERY_ASSERT(requests_.Pending({MessageKind::kLaunchInstances, request, 0}));
    for (uint64_t id : launching.open) ORRERY_ASSERT_MSG(open.insert(id).second, "an instance is asked for twice");
  }
  for (const auto& [id, instance] : table_.all()) {
    const bool named = instance.state != State::kQueued && instance.state != State::kRequested;
    ORRERY_ASSERT(named == !instance.cloud_id.empty());
    ORRERY_ASSERT(instance.state != State::kRunning || static_cast<bool>(instance.node));
    ORRERY_ASSERT(open.count(id) == 0 || instance.state == State::kRequested);
  }
}

}  // namespace orrery
