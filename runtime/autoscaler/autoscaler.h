// The process on the head that turns unmet demand into nodes, and idle nodes into none.
#pragma once

#include <string>

#include "runtime/autoscaler/instance_manager.h"
#include "runtime/autoscaler/round_log.h"
#include "runtime/autoscaler/scheduler_types.h"
#include "runtime/common/settings.h"
#include "runtime/env/env.h"
#include "runtime/messages/message.h"

namespace orrery {

struct AutoscalerOptions {
  Address self;
  Address gcs;
  AutoscalerConfig config;  // valid (ValidateConfig)
};

// In each round: one picture of the cluster from the GCS and one of the instances from the provider; both compared with
// the table; DecideScaling; its decision carried out. The next round begins autoscaler_interval after the last began.
// Its table survives it in the GCS's key-value store (InstanceTable). Source of the loop: Ray's autoscaler v2.
class Autoscaler final : public StateMachine, public InstanceListener {
 public:
  // `env` outlives the autoscaler; the rest is copied.
  Autoscaler(Env& env, Settings settings, AutoscalerOptions options);

  void Start() override;
  void OnMessage(const Address& from, Message message) override;
  void OnTimer(TimerKind kind, uint64_t id) override;
  void OnPeerLost(const Address& peer) override;
  void CheckInvariants(bool full) const override;
  void OnInstanceNews(const std::string& what, const std::string& type, uint64_t count,
                      const std::string& reason) override;

  const InstanceManager& instances() const { return instances_; }
  uint64_t rounds() const { return round_; }
  static constexpr const char* kAddressKey = "address";  // in the space "autoscaler": where clients find it

 private:
  void BeginRound();
  void EndRound();
  ScalingInput MakeInput(const msg::AutoscalerState& state) const;
  void AddInstances(const msg::AutoscalerState& state, ScalingInput& input) const;
  uint32_t TypeOf(const std::string& name) const;
  void Act(const ScalingDecision& decision);

  Env& env_;
  const Settings settings_;
  AutoscalerOptions options_;
  PendingRequests requests_;
  RoundLog log_;
  InstanceManager instances_;
  uint64_t round_ = 0;
  Time began_;
  Message state_, list_;  // of this round, when they have come
  bool gcs_lost_ = false;  // the connection; all questions are asked again when the timer fires
};

// From settings; the node types are the caller's.
AutoscalerConfig ConfigFrom(const Settings& settings, std::vector<NodeType> types);

}  // namespace orrery
