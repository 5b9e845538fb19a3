#include "runtime/autoscaler/round_log.h"

#include <utility>

#include "runtime/messages/autoscaler_rows.h"
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
  if (what == "keep" || what == "wait" || what == "infeasible")
    standing_[{what, type, reason}] += count;
  else
    Trace({what, type, reason}, count);
}

void RoundLog::End() {
  for (const auto& [line, count] : standing_) {
    const auto before = standing_before_.find(line);
    if (before == standing_before_.end() || before->second != count) Trace(line, count);
  }
  for (const auto& [line, count] : standing_before_) {
    if (standing_.count(line) == 0) Trace({"over", line.type, line.what + ": " + line.reason}, 0);
  }
  standing_before_ = std::exchange(standing_, {});
}

void RoundLog::Trace(const Line& line, uint64_t count) {
  const std::string text = AutoscalerActionText(line.what, line.type, line.reason);
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
