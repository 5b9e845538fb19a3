// The modelled cloud behind Address::Provider(): boots and ends hosts of the run, late, refusing and forgetful as
 // asked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/random.h"
#include "sim/engine/engine.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// Starts and ends the nodes of the provider's instances; the cluster implements it.
class InstanceHost {
 public:
  virtual ~InstanceHost() = default;
  // A node of this type that is not in use; SIZE_MAX when there is none.
  virtual size_t FreeNode(const std::string& type) = 0;
  virtual void StartInstance(size_t node, uint64_t instance) = 0;
  virtual void EndInstance(size_t node) = 0;
  // Runs leases now.
  virtual bool NodeBusy(size_t node) = 0;
};

// Counts what an invoice, and a checker, would want to know.
struct ProviderTotals {
  int64_t launched = 0, terminated = 0, failed_launches = 0, preempted = 0;
  int64_t peak_nodes = 0;
  int64_t flaps = 0;            // launches of a type within idle_timeout after one of it was terminated
  int64_t above_maximum = 0;    // launches beyond a type's max
  int64_t ended_busy = 0;       // terminated while leases ran there
  int64_t answers_lost = 0, answers_doubled = 0;
  double node_seconds = 0, cost = 0;
  // The longest time from an outage until as many nodes ran as before it; none: no outage, or one that still lasts.
  std::optional<Duration> time_to_recover;
};

class SimProvider final : public SimLocalEndpoint, public EventHandler {
 public:
  SimProvider(SimEngine& engine, const Scenario& scenario, InstanceHost& host);

  void OnMessage(ProcessHandle process, Message message) override;
  void OnEvent(uint64_t a, uint64_t b) override;
  void OnProcessGone(ProcessHandle process) override;

  // Up to now.
  ProviderTotals Totals() const;
  // Instances that are there and not being ended.
  std::vector<uint64_t> Living() const;

 private:
  enum class State : uint8_t { kBooting, kRunning, kTerminating, kGone };
  struct Cloud {
    std::string cloud_id;
    std::string type;
    size_t node = 0;
    State state = State::kBooting;
    Time launched, ended;
    double price = 0;
  };
  void OnLaunch(const msg::LaunchInstances& request);
  void OnTerminate(const msg::TerminateInstances& request);
  void OnList(uint64_t request);
  // "", or why not.
  std::string Refusal(const std::string& type);
  Cloud& Begin(uint64_t instance, const std::string& type);
  void End(uint64_t instance, Cloud& cloud);
  void Preempt(const OutageSpec& outage);
  void SetRunning(size_t running);
  void Answer(Message message);
  const NodeTypeSpec* TypeOf(const std::string& name) const;

  SimEngine& engine_;
  const Scenario& scenario_;
  const ProviderSpec& spec_;
  InstanceHost& host_;
  Random random_;
  ProcessHandle autoscaler_;
  std::map<uint64_t, Cloud> clouds_;  // by tag: also those that are gone, as the memory of what was asked
  std::map<std::string, Time> last_end_;
  std::map<std::string, uint64_t> tag_of_;
  size_t living_ = 0;
  struct Outage {
    Time at;
    size_t running_before = 0;
    bool felt = false;
  };
  size_t running_ = 0;  // instances whose node has begun and not ended
  std::vector<Outage> lasting_;
  ProviderTotals totals_;
};

}  // namespace orrery
