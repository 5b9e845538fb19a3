// The modelled disk behind Address::Storage(): what is stored outlives the process that stored it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "runtime/gcs/gcs.h"
#include "sim/engine/engine.h"

namespace orrery {

// A batch is stored `latency` after it was sent, in order; one that is on its way when its sender is killed is not.
class SimStorage final : public SimLocalEndpoint, public EventHandler {
 public:
  SimStorage(SimEngine& engine, Duration latency) : engine_(engine), latency_(latency) {}

  // What a process that starts now is to know; of a GCS that stores nothing, nothing.
  StoredState Load(const Settings& settings) const;

  void OnMessage(ProcessHandle process, Message message) override;
  void OnProcessGone(ProcessHandle process) override;
  // b: a batch on its way.
  void OnEvent(uint64_t a, uint64_t b) override;

 private:
  SimEngine& engine_;
  const Duration latency_;
  std::map<std::pair<StateTable, std::string>, std::string> rows_;
  std::map<uint64_t, std::pair<ProcessHandle, Message>> writing_;
  uint64_t next_ = 0;
};

}  // namespace orrery
