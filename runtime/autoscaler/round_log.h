// What the last rounds saw and did, for people.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "runtime/env/env.h"
#include "runtime/messages/kinds.h"
#include "runtime/messages/message.h"

namespace orrery {

// Keeps the last rounds, and traces them. Lines that say how things are (keep, wait, infeasible) are traced when they
// begin to hold, when their count changes, and when they are over; so whoever reads the trace knows what held when.
class RoundLog {
 public:
  static constexpr size_t kRoundsKept = 200;

  explicit RoundLog(Env& env) : env_(env) {}
  void Begin(uint64_t round, uint64_t pending_demand, uint32_t nodes, uint32_t launching);
  // `what`: launch, terminate, drain, failed, lost; keep, wait, infeasible.
  void Add(const std::string& what, const std::string& type, uint64_t count, const std::string& reason);
  // All lines of the round have been added.
  void End();
  void Fill(uint32_t rounds, msg::AutoscalerReport& report) const;

 private:
  struct Line {
    std::string what, type, reason;
    auto operator<=>(const Line&) const = default;
  };
  void Trace(const Line& line, uint64_t count);

  Env& env_;
  std::deque<Message> rounds_;  // AutoscalerReport with one round each
  std::map<Line, uint64_t> standing_, standing_before_;  // lines that say how things are, rather than what was done
  uint64_t round_ = 0;
  uint64_t last_demand_ = UINT64_MAX;
  uint32_t last_nodes_ = 0;
};

}  // namespace orrery
