#include "sim/checkers/autoscaler_checks.h"

#include <set>
#include <string>

#include "runtime/gcs/gcs.h"
#include "runtime/messages/orrery.pb.h"
#include "sim/checkers/verdict.h"
#include "sim/platform/sim_autoscaler.h"

namespace orrery {

namespace {

// What the GCS keeps for the autoscaler: all that a successor would know.
std::set<uint64_t> StoredInstances(const Gcs& gcs) {
  std::set<uint64_t> stored;
  for (const auto& [key, value] : gcs.kv().all()) {
    if (key.first != "autoscaler" || !key.second.starts_with("instances/")) continue;
    Result<Message> table = Message::Parse(MessageKind::kInstanceTable, value);
    if (!table.ok()) continue;
    for (const auto& record : table->As<msg::InstanceTable>().instances()) stored.insert(record.instance());
  }
  return stored;
}

}  // namespace

std::vector<CheckResult> CheckAutoscaler(SimCluster& cluster) {
  const SimAutoscaler* autoscaler = cluster.autoscaler();
  if (autoscaler == nullptr) return {};
  const ProviderTotals totals = autoscaler->provider().Totals();
  std::vector<std::string> above, busy, orphans;
  if (totals.above_maximum > 0) above.push_back(std::to_string(totals.above_maximum) + " launches above max");
  if (totals.ended_busy > 0) busy.push_back(std::to_string(totals.ended_busy) + " nodes ended while they had work");
  if (const Gcs* gcs = cluster.gcs()) {
    const std::set<uint64_t> stored = StoredInstances(*gcs);
    for (uint64_t instance : autoscaler->provider().Living()) {
      if (stored.count(instance) == 0)
        orphans.push_back("instance " + std::to_string(instance) + " is in no table: no successor would know of it");
    }
  }
  return {
      Verdict("autoscaler.maximum", above, "peak " + std::to_string(totals.peak_nodes) + " nodes"),
      Verdict("autoscaler.drain_before_end", busy, std::to_string(totals.terminated) + " terminated, none with work"),
      Verdict("autoscaler.no_orphans", orphans, std::to_string(totals.launched) + " launched, all accounted for")};
}

void AddAutoscaler(SimCluster& cluster, Summary& summary) {
  const SimAutoscaler* autoscaler = cluster.autoscaler();
  if (autoscaler == nullptr) return;
  const ProviderTotals totals = autoscaler->provider().Totals();
  summary.SetInteger("autoscaler.launched", totals.launched);
  summary.SetInteger("autoscaler.terminated", totals.terminated);
  summary.SetInteger("autoscaler.failed_launches", totals.failed_launches);
  summary.SetInteger("autoscaler.preempted", totals.preempted);
  summary.SetInteger("autoscaler.peak_nodes", totals.peak_nodes);
  summary.SetNumber("autoscaler.node_seconds", totals.node_seconds);
  summary.SetNumber("autoscaler.cost", totals.cost);
  summary.SetInteger("autoscaler.flaps", totals.flaps);
  if (totals.time_to_recover) summary.SetNumber("autoscaler.time_to_recover_s", totals.time_to_recover->seconds());
  summary.SetInteger("autoscaler.kills", autoscaler->kills());
  summary.SetInteger("autoscaler.answers_lost", totals.answers_lost);
  summary.SetInteger("autoscaler.living", static_cast<int64_t>(autoscaler->provider().Living().size()));
}

}  // namespace orrery
