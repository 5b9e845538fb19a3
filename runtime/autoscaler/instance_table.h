// The autoscaler's instances, and their copy in the GCS's key-value store.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/autoscaler/instance.h"
#include "runtime/env/env.h"
#include "runtime/messages/pending_requests.h"

namespace orrery {

// Written down before a launch leaves and after an end, so that a successor knows every instance that may exist: which
// there are and of what type. In what state they are, the provider and the GCS tell it. Numbers are never used again.
class InstanceTable {
 public:
  InstanceTable(Env& env, PendingRequests& requests, const Address& gcs) : env_(env), requests_(requests), gcs_(gcs) {}

  // Reads what a predecessor wrote; loaded() when it is complete. Restored instances are kRequested.
  void Load();
  bool loaded() const { return loaded_; }
  void OnKvReply(const msg::KvReply& reply);

  Instance& Add(const std::string& type);
  // The provider has, or has had, an instance of this number, perhaps of a cluster before this one: new ones are
// higher.
  void NoteNumber(uint64_t id) { last_ = std::max(last_, id); }
  void Move(Instance& instance, Instance::State to);
  // The instance is gone for good.
  void Remove(uint64_t id);
  // Writes what has changed. Instances added before are stored when OnKvReply says so.
  void Flush();
  // In kQueued, and safely written down.
  std::vector<uint64_t> TakeStored();

  Instance* Find(uint64_t id);
  Instance* FindByCloudId(const std::string& cloud_id);
  std::map<uint64_t, Instance>& all() { return instances_; }
  const std::map<uint64_t, Instance>& all() const { return instances_; }

 private:
  static constexpr uint64_t kRange = 256;  // instances per key
  static std::string KeyOf(uint64_t range);
  void Restore(const std::string& value);
  void Ask(MessageKind kind, uint64_t request, Message message);

  Env& env_;
  PendingRequests& requests_;
  const Address gcs_;
  std::map<uint64_t, Instance> instances_;
  uint64_t last_ = 0;
  bool loaded_ = false;
  size_t ranges_to_load_ = 0;
  uint64_t last_request_ = 0;
  std::set<uint64_t> dirty_;                             // ranges
  struct Writing {
    uint64_t range = 0;
    std::vector<uint64_t> added;  // new instances that it makes durable
  };
  // By request. One per range at a time: an old value sent again must not replace a newer one.
  std::map<uint64_t, Writing> writing_;
  std::set<uint64_t> in_flight_;  // ranges
  std::vector<uint64_t> added_, stored_;
};

}  // namespace orrery
