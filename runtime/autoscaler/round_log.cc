#include "runtime/autoscaler/round_log.h"

#include <utility>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

void RoundLog::Begin(uint64_t round, uint64_t pending_demand, uint32_t nodes, uint32_t launching) {
  round_ = round;
  Draft<msg::AutoscalerReport> report;
  msg::AutoscalerRound* entry = report->add_rounds();
  entry->set_round(round);
  entry->set_at_ns(env_.Now().ns);
  entry->set_pending_demand(pending_demand);
  entry->set_nodes(nodes);
  entry->set_launching(launching);
  rounds_.push_back(std::move(report));
  if (rounds_.size() > kRoundsKept) rounds_.pop_front();
  standing_before_ = std::exchange(standing_, {});
  if (pending_demand == last_demand_ && nodes == last_nodes_) return;
  last_demand_ = pending_demand;
  last_nodes_ = nodes;
  env_.Trace({.kind = TraceKind::kAutoscalerRound,
              .a = static_cast<int64_t>(round),
              .b = static_cast<int64_t>(pending_demand),
              .c = nodes});
}

void RoundLog::Add(const std::string& what, const std::string& type, uint64_t count, const std::string& reason) {
  if (!rounds_.empty()) {
    auto* action = rounds_.back().As<msg::AutoscalerReport>().mutable_rounds(0)->add_actions();
    action->set_what(what);
    action->set_node_type(type);
    action->set_count(count);
    action->set_reason(reason);
  }
  const std::string text = what + " " + type + ": " + reason;
  if (what == "keep" || what == "wait" || what == "infeasible") {
    const std::string line = text + std::to_string(count);
    standing_.insert(line);
    if (standing_before_.count(line) != 0) return;
  }
  env_.Trace({.kind = TraceKind::kAutoscalerAction,
              .a = static_cast<int64_t>(round_),
              .b = static_cast<int64_t>(count),
              .text = text});
}

void RoundLog::Fill(uint32_t rounds, msg::AutoscalerReport& report) const {
  const size_t first = rounds_.size() > rounds ? rounds_.size() - rounds : 0;
  for (size_t i = first; i < rounds_.size(); ++i)
    report.add_rounds()->CopyFrom(rounds_[i].As<msg::AutoscalerReport>().rounds(0));
}

}  // namespace orrery
