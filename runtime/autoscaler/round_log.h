// What the last rounds saw and did, for people.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>

#include "runtime/env/env.h"
#include "runtime/messages/kinds.h"
#include "runtime/messages/message.h"

namespace orrery {

// Keeps the last rounds, and traces each line once: what only says again what the round before said is not traced.
class RoundLog {
 public:
  static constexpr size_t kRoundsKept = 200;

  explicit RoundLog(Env& env) : env_(env) {}
  void Begin(uint64_t round, uint64_t pending_demand, uint32_t nodes, uint32_t launching);
  // `what`: launch, terminate, drain, keep, wait, infeasible, failed, lost.
  void Add(const std::string& what, const std::string& type, uint64_t count, const std::string& reason);
  void Fill(uint32_t rounds, msg::AutoscalerReport& report) const;

 private:
  Env& env_;
  std::deque<Message> rounds_;  // AutoscalerReport with one round each
  std::set<std::string> standing_, standing_before_;  // lines that say how things are, rather than what was done
  uint64_t round_ = 0;
  uint64_t last_demand_ = UINT64_MAX;
  uint32_t last_nodes_ = 0;
};

}  // namespace orrery
