// The modelled operating system under simulated daemons and workers: starts, kills and buries processes.
#pragma once

#include <map>
#include <memory>

#include "runtime/common/ids.h"
#include "runtime/common/settings.h"
#include "sim/engine/engine.h"
#include "sim/platform/sim_executor.h"
#include "sim/scenario/distribution.h"

namespace orrery {

// Answers StartProcess, KillProcess and Exit of every process of the run. A started worker is a CoreWorker on the node
// manager's host that exists after a drawn start-up time.
class SimHost final : public SimLocalEndpoint, public EventHandler {
 public:
  struct Worker {
    WorkerId id;
    ProcessHandle process;
    ProcessHandle node_manager;
  };

  SimHost(SimEngine& engine, SimExecutor& executor, const Settings& settings, const CostProfile& costs,
          Distribution startup);
  ~SimHost() override;

  void OnMessage(ProcessHandle process, Message message) override;
  void OnProcessGone(ProcessHandle process) override;
  // b: a pending start.
  void OnEvent(uint64_t a, uint64_t b) override;

  // A worker's sudden end, as the operating system sees it: the node manager hears of signal `signal`.
  void KillWorker(ProcessHandle process, int signal);
  // Living workers in order of start.
  const std::map<ProcessHandle, Worker>& workers() const { return workers_; }
  uint64_t started() const { return started_; }

 private:
  void Start(ProcessHandle node_manager, WorkerId worker);
  void TellExited(const Worker& worker, int exit_code, int signal, const std::string& message);

  SimEngine& engine_;
  SimExecutor& executor_;
  const Settings& settings_;
  const CostProfile& costs_;
  const Distribution startup_;
  Random random_;
  std::unique_ptr<SimLocalEndpoint> silent_;  // the Application of workers: nested programs are not simulated
  std::map<ProcessHandle, Worker> workers_;
  std::map<uint64_t, Worker> starting_;
  uint64_t started_ = 0;
};

}  // namespace orrery
