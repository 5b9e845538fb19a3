// Makes the provider's instances what the rounds want: launches, drains, terminates, and learns what became of each.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/autoscaler/instance_table.h"
#include "runtime/autoscaler/scheduler_types.h"
#include "runtime/common/settings.h"
#include "runtime/env/env.h"
#include "runtime/messages/kinds.h"
#include "runtime/messages/pending_requests.h"

namespace orrery {

// Hears of what happened by itself, for the log that people read.
class InstanceListener {
 public:
  virtual ~InstanceListener() = default;
  virtual void OnInstanceNews(const std::string& what, const std::string& type, uint64_t count,
                              const std::string& reason) = 0;
};

// Source: Ray's v2 reconciler and its time-outs. Answers of the provider may be late, lost, doubled, partial or out of
// date: a launch is sent again under the same instance numbers until each has an answer or appears in the list; the
// list is believed about what is there at once, and about what is not there when it says so twice.
class InstanceManager {
 public:
  InstanceManager(Env& env, const Settings& settings, PendingRequests& requests, const Address& gcs,
                  InstanceListener& listener);

  InstanceTable& table() { return table_; }
  const InstanceTable& table() const { return table_; }

  // Rounds call these.
  void Launch(const std::string& type, int64_t count);
  void End(uint64_t instance, bool only_if_idle, const std::string& reason);
  // Compares the table with the two pictures of one round.
  void Reconcile(const msg::InstanceList& list, const msg::AutoscalerState& state);
  bool BackedOff(const std::string& type) const;

  void OnKvReply(const msg::KvReply& reply);
  void OnLaunched(const msg::InstancesLaunched& reply);
  void OnTerminated(const msg::InstancesTerminated& reply);
  void OnInstanceEvent(const msg::InstanceEvent& event);
  void OnDrained(const msg::DrainNodeReply& reply);
  // Sends launches that are written down, as many as may be under way.
  void Pump();
  void CheckInvariants() const;

 private:
  struct Launching {
    std::string type;
    std::set<uint64_t> open;  // instances without an answer
  };
  struct Failures {
    int count = 0;
    Time until;
  };
  void SendLaunch(const std::string& type, const std::vector<uint64_t>& instances);
  // The instance's launch has its answer, by whatever way.
  void Answered(uint64_t instance);
  void LaunchFailed(uint64_t instance, const std::string& reason);
  void BackOff(const std::string& type);
  void Terminate(Instance& instance, const std::string& reason);
  void SendTerminate(const std::string& cloud_id);
  void Drain(Instance& instance, bool only_if_idle, Duration deadline, const std::string& reason);
  void Gone(uint64_t instance, const std::string& reason);
  void MatchList(const msg::InstanceList& list);
  void MatchNodes(const msg::AutoscalerState& state);
  void CheckTimes();

  Env& env_;
  const Settings& settings_;
  PendingRequests& requests_;
  const Address gcs_;
  InstanceListener& listener_;
  InstanceTable table_;
  std::map<uint64_t, Launching> launching_;      // by request
  std::map<std::string, std::vector<uint64_t>> ready_;  // per type: written down, not asked for yet
  std::map<std::string, Failures> failures_;     // per type
  std::map<std::string, uint64_t> terminations_;  // by cloud id: request that asks for it
  uint64_t last_request_ = 0;
};

}  // namespace orrery
