// A scenario's cluster inside the engine: hosts, GCS, node managers, drivers; the composition root of the simulated
// world.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/engine/engine.h"
#include "sim/platform/sim_driver.h"
#include "sim/platform/sim_executor.h"
#include "sim/platform/sim_host.h"
#include "sim/platform/sim_memory.h"
#include "sim/platform/sim_storage.h"
#include "sim/record/recorder.h"
#include "sim/scenario/scenario.h"

namespace orrery {

class Gcs;
class SimAutoscaler;
class NodeManager;

// Node 0 is the head: its host also carries the GCS and the drivers. The workload begins when all nodes that boot at
// once and all drivers have registered; a run is over when every driver has closed.
class SimCluster final : public DriverHost, public SimTraceSink, public EventHandler {
 public:
  struct Node {
    NodeSpec spec;
    HostId host;
    ProcessHandle process;  // of its node manager; none while it boots
    NodeId id;              // its latest registration
  };

  // `scenario`, `recorder` outlive the cluster. Reads the traces that the scenario names.
  static Result<std::unique_ptr<SimCluster>> Make(const Scenario& scenario, uint64_t seed, const EngineOptions& base,
                                                  RunRecorder& recorder);
  ~SimCluster() override;

  SimEngine& engine() { return engine_; }
  SimHost& host_model() { return host_; }
  SimExecutor& executor() { return executor_; }
  SimMemory& memory() { return memory_; }
  const SimMemory& memory() const { return memory_; }
  const Scenario& scenario() const { return scenario_; }
  std::vector<Node>& nodes() { return nodes_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<std::unique_ptr<SimDriver>>& drivers() const { return drivers_; }
  Gcs* gcs();
  // Reaches whichever GCS is there.
  const Address& gcs_address() const { return gcs_address_; }
  const CostProfile& costs() const { return costs_; }
  // nullptr without one.
  const SimAutoscaler* autoscaler() const { return autoscaler_.get(); }
  NodeManager* node_manager(const Node& node);
  // Holds leases now.
  static bool Busy(const NodeManager* node);
  // When the workload began; nothing before that.
  bool began() const { return began_; }
  Time begin_time() const { return begin_time_; }
  void OnBegin(std::function<void()> call) { on_begin_ = std::move(call); }
  bool finished() const { return open_drivers_ == 0; }
  void StartNodeManager(size_t index);
  // The first, or the successor of one that was killed.
  void StartGcs();
  // False when there is none.
  bool KillGcs();

  // DriverHost
  NodeId NodeOfIndex(int64_t index) const override;
  void OnDriverReady() override;
  void OnDriverDone() override;
  // SimTraceSink
  void OnTrace(Time now, ProcessHandle process, const TraceEvent& event) override;
  // EventHandler; a: boot node b, or begin.
  void OnEvent(uint64_t a, uint64_t b) override;

 private:
  SimCluster(const Scenario& scenario, const EngineOptions& options, RunRecorder& recorder, CostProfile costs);
  void AddHosts(std::vector<NodeSpec> specs);
  void StartDrivers();
  Status MakeDrivers();
  void MaybeBegin();

  const Scenario& scenario_;
  RunRecorder& recorder_;
  const CostProfile costs_;
  SimEngine engine_;
  SimExecutor executor_;
  SimMemory memory_;
  SimStorage storage_;
  SimHost host_;
  std::vector<Node> nodes_;
  std::map<std::string, size_t, std::less<>> node_of_name_;
  std::vector<std::unique_ptr<SimDriver>> drivers_;
  ProcessHandle gcs_;
  Address gcs_address_;
  std::unique_ptr<SimAutoscaler> autoscaler_;
  std::function<void()> on_begin_;
  size_t expected_nodes_ = 0;
  size_t registered_nodes_ = 0;
  size_t ready_drivers_ = 0;
  size_t open_drivers_ = 0;
  bool drivers_started_ = false;
  bool began_ = false;
  Time begin_time_;
};

}  // namespace orrery
