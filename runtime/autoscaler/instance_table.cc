#include "runtime/autoscaler/instance_table.h"

#include <utility>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {

constexpr const char* kSpace = "autoscaler";
constexpr const char* kPrefix = "instances/";

}  // namespace

const StateChart& Instance::Chart() {
  constexpr auto kQueued = static_cast<uint8_t>(State::kQueued), kRequested = static_cast<uint8_t>(State::kRequested),
                 kAllocated = static_cast<uint8_t>(State::kAllocated), kRunning = static_cast<uint8_t>(State::kRunning),
                 kDraining = static_cast<uint8_t>(State::kDraining),
                 kTerminating = static_cast<uint8_t>(State::kTerminating), kNone = StateChart::kNone;
  static const StateChart chart("Instance", {"Queued", "Requested", "Allocated", "Running", "Draining", "Terminating"},
                                {{kNone, kQueued, "a round wants it"},
                                 {kNone, kRequested, "read from the table of the autoscaler before"},
                                 {kQueued, kRequested, "written down; LaunchInstances"},
                                 {kRequested, kAllocated, "the provider has it"},
                                 {kAllocated, kRunning, "its node joined"},
                                 {kRunning, kDraining, "idle, above a maximum, preempted; DrainNode"},
                                 {kDraining, kRunning, "the node refused: it has work"},
                                 {kRunning, kTerminating, "its node is dead"},
                                 {kAllocated, kTerminating, "did not join in instance_boot_timeout, not wanted"},
                                 {kDraining, kTerminating, "its node is dead, drain_timeout"},
                                 {kQueued, kNone, "not wanted"},
                                 {kRequested, kNone, "refused, instance_request_timeout"},
                                 {kAllocated, kNone, "the provider has it no more"},
                                 {kRunning, kNone, "the provider has it no more"},
                                 {kDraining, kNone, "the provider has it no more"},
                                 {kTerminating, kNone, "the provider has it no more"}});
  return chart;
}

// Ranges sort as numbers do.
std::string InstanceTable::KeyOf(uint64_t range) {
  const std::string digits = std::to_string(range);
  return kPrefix + std::string(16 - digits.size(), '0') + digits;
}

void InstanceTable::Ask(MessageKind kind, uint64_t request, Message message) {
  requests_.Send({kind, request, 0}, gcs_, std::move(message));
}

void InstanceTable::Load() {
  Draft<msg::KvKeys> keys;
  keys->set_request(++last_request_);
  keys->set_space(kSpace);
  keys->set_prefix(kPrefix);
  Ask(MessageKind::kKvKeys, last_request_, std::move(keys));
}

void InstanceTable::OnKvReply(const msg::KvReply& reply) {
  if (requests_.Done({MessageKind::kKvKeys, reply.request(), 0})) {
    ranges_to_load_ = static_cast<size_t>(reply.keys_size());
    loaded_ = ranges_to_load_ == 0;
    for (const std::string& key : reply.keys()) {
      Draft<msg::KvGet> get;
      get->set_request(++last_request_);
      get->set_space(kSpace);
      get->set_key(key);
      Ask(MessageKind::kKvGet, last_request_, std::move(get));
    }
  } else if (requests_.Done({MessageKind::kKvGet, reply.request(), 0})) {
    Restore(reply.value());
    loaded_ = --ranges_to_load_ == 0;
  } else if (requests_.Done({MessageKind::kKvPut, reply.request(), 0})) {
    const Writing written = std::move(writing_.at(reply.request()));
    writing_.erase(reply.request());
    in_flight_.erase(written.range);
    stored_.insert(stored_.end(), written.added.begin(), written.added.end());
    Flush();
  }
}

void InstanceTable::Restore(const std::string& value) {
  Result<Message> parsed = Message::Parse(MessageKind::kInstanceTable, value);
  if (!parsed.ok()) return;  // nobody but us writes there
  const auto& table = parsed->As<msg::InstanceTable>();
  last_ = std::max(last_, table.last());
  for (const msg::InstanceRecord& record : table.instances()) {
    Instance& instance = instances_[record.instance()];
    instance.id = record.instance();
    instance.type = record.node_type();
    instance.state = Instance::State::kRequested;
    instance.since = env_.Now();
  }
}

Instance& InstanceTable::Add(const std::string& type) {
  const uint64_t id = ++last_;
  Instance& instance = instances_[id];
  instance.id = id;
  instance.type = type;
  instance.since = env_.Now();
  added_.push_back(id);
  dirty_.insert(id / kRange);
  return instance;
}

void InstanceTable::Move(Instance& instance, Instance::State to) {
  Transition(env_, Instance::Chart(), instance.id, instance.state, to);
  instance.since = env_.Now();
}

void InstanceTable::Remove(uint64_t id) {
  instances_.erase(id);
  dirty_.insert(id / kRange);
}

void InstanceTable::Flush() {
  std::set<uint64_t> later;
  for (uint64_t range : std::exchange(dirty_, {})) {
    if (!in_flight_.insert(range).second) {
      later.insert(range);
      continue;
    }
    Draft<msg::InstanceTable> table;
    table->set_last(last_);
    for (auto it = instances_.lower_bound(range * kRange); it != instances_.end() && it->first / kRange == range;
         ++it) {
      msg::InstanceRecord* record = table->add_instances();
      record->set_instance(it->first);
      record->set_node_type(it->second.type);
    }
    Draft<msg::KvPut> put;
    put->set_request(++last_request_);
    put->set_space(kSpace);
    put->set_key(KeyOf(range));
    put->set_overwrite(true);
    Message(std::move(table)).AppendTo(*put->mutable_value());
    Writing& writing = writing_[last_request_];
    writing.range = range;
    std::erase_if(added_, [&](uint64_t id) {
      if (id / kRange != range) return false;
      writing.added.push_back(id);
      return true;
    });
    Ask(MessageKind::kKvPut, last_request_, std::move(put));
  }
  dirty_ = std::move(later);
}

std::vector<uint64_t> InstanceTable::TakeStored() {
  std::vector<uint64_t> stored = std::exchange(stored_, {});
  std::erase_if(stored, [&](uint64_t id) {
    const Instance* instance = Find(id);
    return instance == nullptr || instance->state != Instance::State::kQueued;
  });
  return stored;
}

Instance* InstanceTable::Find(uint64_t id) {
  const auto it = instances_.find(id);
  return it == instances_.end() ? nullptr : &it->second;
}

Instance* InstanceTable::FindByCloudId(const std::string& cloud_id) {
  for (auto& [id, instance] : instances_) {
    if (instance.cloud_id == cloud_id) return &instance;
  }
  return nullptr;
}

}  // namespace orrery
