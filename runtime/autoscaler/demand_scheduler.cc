#include "runtime/autoscaler/demand_scheduler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "runtime/autoscaler/bin_packer.h"
#include "runtime/autoscaler/launch_planner.h"

namespace orrery {

namespace {

class Round {
 public:
  Round(const AutoscalerConfig& config, const ScalingInput& input);
  ScalingDecision Decide();

 private:
  struct Planned {
    uint32_t type = 0;
    std::string reason;
  };

  void Learn();
  std::vector<PackDemand> ToPack(const std::vector<DemandGroup>& groups) const;
  // Nodes that may serve, as classes. Against totals, or what is free.
  std::vector<BinClass> Classes(bool totals) const;
  void EndOutdated();
  void PlanMinimum();
  void EndAboveMaximum();
  void PlanFloor();
  // And pending tasks, on what the gangs leave.
  void PlanGangs();
  void EndIdle();
  void Limit();
  void Plan(uint32_t type, uint64_t nodes, const std::string& reason);
  // Packs onto `classes` and new nodes; commits and returns true unless `all` is asked for and something is left.
  bool Pack(std::vector<BinClass>& classes, const std::vector<DemandGroup>& groups, bool one_per_node, bool all,
            const std::string& reason);
  void ExplainLeft(const std::vector<DemandGroup>& groups, const std::vector<PackDemand>& left);
  std::string WhyNot(const DemandGroup& demand) const;
  std::vector<Candidate> Candidates() const;
  int64_t TotalBudget() const;
  void End(size_t node, bool only_if_idle, const std::string& reason);
  void Note(const std::string& what, const std::string& type, uint64_t count, const std::string& reason);

  const AutoscalerConfig& config_;
  const ScalingInput& input_;
  DemandSpace space_;
  std::vector<std::vector<bool>> type_matches_;
  std::vector<Amounts> type_totals_;
  std::vector<int64_t> count_, running_, pending_;  // per type, without what goes
  std::vector<int64_t> leaving_;                    // per type, what goes but is still there
  std::vector<Planned> planned_;
  std::set<size_t> ending_;
  std::set<uint32_t> needed_, used_;  // nodes: by the floor, by demands of this round
  std::map<std::tuple<std::string, std::string, std::string>, uint64_t> notes_;
  ScalingDecision decision_;
};

Round::Round(const AutoscalerConfig& config, const ScalingInput& input)
    : config_(config),
      input_(input),
      count_(config.types.size()),
      running_(config.types.size()),
      pending_(config.types.size()),
      leaving_(config.types.size()) {
  for (const ScaledNode& node : input.nodes) {
    if (node.type >= config.types.size() || node.head) continue;
    if (node.draining) {
      ++leaving_[node.type];
      continue;
    }
    ++count_[node.type];
    ++(node.running ? running_ : pending_)[node.type];
  }
  Learn();
}

void Round::Learn() {
  const auto learn = [&](const std::vector<DemandGroup>& groups) {
    for (const DemandGroup& group : groups) space_.Add(group);
  };
  learn(input_.demands);
  learn(input_.floor);
  for (const Gang& gang : input_.gangs) {
    learn(gang.bundles);
    if (gang.strategy != BundleStrategy::kStrictPack || gang.bundles.empty()) continue;
    learn({{ResourceSet(), gang.bundles.front().labels, 1}});
  }
  for (const NodeType& type : config_.types) {
    Labels labels = type.labels;
    labels[kNodeTypeLabel] = type.name;
    type_totals_.push_back(space_.Of(type.resources, false));
    type_matches_.push_back(space_.MatchesOf(labels));
    space_.NoteNode(type_totals_.back());
  }
  for (const ScaledNode& node : input_.nodes) space_.NoteNode(space_.Of(node.total, false));
}

std::vector<PackDemand> Round::ToPack(const std::vector<DemandGroup>& groups) const {
  std::vector<PackDemand> demands;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].count == 0) continue;
    demands.push_back({i, space_.Of(groups[i].resources, true), space_.SelectorOf(groups[i].labels),
                       groups[i].labels.size(), groups[i].count});
  }
  BinPacker::SortHardestFirst(space_, demands);
  return demands;
}

std::vector<BinClass> Round::Classes(bool totals) const {
  std::vector<BinClass> each;
  for (size_t i = 0; i < input_.nodes.size(); ++i) {
    const ScaledNode& node = input_.nodes[i];
    if (node.draining || ending_.count(i) != 0) continue;
    BinClass one;
    one.type = node.type;
    one.total = space_.Of(node.total, false);
    one.free = totals || !node.running ? one.total : space_.Of(node.available, false);
    one.matches = space_.MatchesOf(node.labels);
    one.members = {static_cast<uint32_t>(i)};
    each.push_back(std::move(one));
  }
  // Within a class those first that stay anyway: running, busy, least idle.
  const auto rank = [&](const BinClass& one) {
    const ScaledNode& node = input_.nodes[one.members.front()];
    return std::tuple(!node.running, !node.busy, node.idle.ns, one.members.front());
  };
  std::sort(each.begin(), each.end(), [&](const BinClass& a, const BinClass& b) {
    if (a < b) return true;
    return !(b < a) && rank(a) < rank(b);
  });
  std::vector<BinClass> classes;
  for (BinClass& one : each) {
    if (classes.empty() || !classes.back().SameAs(one))
      classes.push_back(std::move(one));
    else
      classes.back().members.push_back(one.members.front());
  }
  for (size_t i = 0; i < planned_.size(); ++i) {
    BinClass one;
    one.type = planned_[i].type;
    one.total = one.free = type_totals_[one.type];
    one.matches = type_matches_[one.type];
    const auto member = static_cast<uint32_t>(input_.nodes.size() + i);
    if (!classes.empty() && classes.back().SameAs(one)) {
      classes.back().members.push_back(member);
      continue;
    }
    one.members = {member};
    classes.push_back(std::move(one));
  }
  return classes;
}

void Round::End(size_t node, bool only_if_idle, const std::string& reason) {
  const ScaledNode& going = input_.nodes[node];
  ending_.insert(node);
  if (going.type < count_.size()) {
    --count_[going.type];
    --(going.running ? running_ : pending_)[going.type];
  }
  decision_.ends.push_back({going.instance, only_if_idle, reason});
}

void Round::Note(const std::string& what, const std::string& type, uint64_t count, const std::string& reason) {
  notes_[{what, type, reason}] += count;
}

void Round::EndOutdated() {
  for (size_t i = 0; i < input_.nodes.size(); ++i) {
    const ScaledNode& node = input_.nodes[i];
    const bool outdated = node.instance != 0 && node.type >= config_.types.size() && !node.draining && !node.head;
    if (outdated) End(i, true, "its node type is no longer configured");
  }
}

void Round::Plan(uint32_t type, uint64_t nodes, const std::string& reason) {
  count_[type] += static_cast<int64_t>(nodes);
  for (uint64_t i = 0; i < nodes; ++i) planned_.push_back({type, reason});
}

void Round::PlanMinimum() {
  for (uint32_t t = 0; t < config_.types.size(); ++t) {
    const NodeType& type = config_.types[t];
    const int64_t missing =
        std::min({type.min_workers - count_[t], type.max_workers - count_[t] - leaving_[t], TotalBudget()});
    if (missing > 0 && !(t < input_.backed_off.size() && input_.backed_off[t]))
      Plan(t, static_cast<uint64_t>(missing), "min_workers");
  }
}

void Round::EndAboveMaximum() {
  std::vector<size_t> order;
  int64_t all = 0;
  for (int64_t count : count_) all += count;
  for (size_t i = 0; i < input_.nodes.size(); ++i) {
    const ScaledNode& node = input_.nodes[i];
    if (node.instance != 0 && node.type < count_.size() && !node.draining && !node.head) order.push_back(i);
  }
  const auto rank = [&](size_t i) {  // Ray: not yet running first, then longest idle, then the youngest
    const ScaledNode& node = input_.nodes[i];
    return std::tuple(node.running, node.busy, -node.idle.ns, -static_cast<int64_t>(node.instance));
  };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });
  for (size_t i : order) {
    const uint32_t type = input_.nodes[i].type;
    const bool of_type = count_[type] > config_.types[type].max_workers;
    if (!of_type && (all <= config_.max_workers || count_[type] <= config_.types[type].min_workers)) continue;
    End(i, false, of_type ? "above max_workers of its type" : "above max_workers of the cluster");
    --all;
  }
}

std::vector<Candidate> Round::Candidates() const {
  std::vector<Candidate> candidates;
  for (uint32_t t = 0; t < config_.types.size(); ++t) {
    const bool off = t < input_.backed_off.size() && input_.backed_off[t];
    const int64_t budget = off ? 0 : std::max<int64_t>(0, config_.types[t].max_workers - count_[t] - leaving_[t]);
    candidates.push_back({t, type_totals_[t], type_matches_[t], config_.types[t].price, budget});
  }
  return candidates;
}

int64_t Round::TotalBudget() const {
  int64_t all = 0;
  for (int64_t count : count_) all += count;
  for (int64_t count : leaving_) all += count;
  return std::max<int64_t>(0, config_.max_workers - all);
}

bool Round::Pack(std::vector<BinClass>& classes, const std::vector<DemandGroup>& groups, bool one_per_node, bool all,
                 const std::string& reason) {
  const std::vector<PackDemand> demands = ToPack(groups);
  if (demands.empty()) return true;
  const PackOptions options{PackRule::kUtilization, one_per_node};
  BinPacker packer(space_, demands, options);
  const std::vector<Filling> existing = packer.PackExisting(classes);
  const bool cost = config_.objective == AutoscalerConfig::Objective::kCost;
  std::vector<Candidate> candidates = Candidates();
  int64_t budget = TotalBudget();
  LaunchPlan plan;
  plan.left = packer.demands();
  if (packer.left() > 0)
    plan = PlanLaunches(space_, packer.demands(), {cost ? PackRule::kCost : PackRule::kUtilization, one_per_node},
                        candidates, budget);
  const bool left = std::any_of(plan.left.begin(), plan.left.end(), [](const PackDemand& d) { return d.count > 0; });
  if (left) ExplainLeft(groups, plan.left);
  if (left && all) return false;
  for (const Filling& filling : existing) {
    for (uint32_t member : BinPacker::Take(classes, demands, filling)) used_.insert(member);
  }
  for (const Filling& filling : plan.fillings) {
    BinClass bins{static_cast<uint32_t>(filling.bin),
                  type_totals_[filling.bin],
                  type_totals_[filling.bin],
                  type_matches_[filling.bin],
                  {}};
    for (uint64_t i = 0; i < filling.nodes; ++i)
      bins.members.push_back(static_cast<uint32_t>(input_.nodes.size() + planned_.size() + i));
    Plan(static_cast<uint32_t>(filling.bin), filling.nodes, reason);
    classes.push_back(std::move(bins));
    BinPacker::Take(classes, demands, {classes.size() - 1, filling.nodes, filling.used});
  }
  return true;
}

// The nearest feasible change, for a demand that no node can hold; else what keeps it from being served now.
std::string Round::WhyNot(const DemandGroup& demand) const {
  const Amounts amounts = space_.Of(demand.resources, true);
  const auto selector = space_.SelectorOf(demand.labels);
  std::string nearest;
  double least = 1e300;
  bool labels_only = false, backed_off = false;
  for (uint32_t t = 0; t < config_.types.size(); ++t) {
    double missing = 0;
    for (size_t k = 0; k < amounts.size(); ++k)
      missing += static_cast<double>(std::max<int64_t>(0, amounts[k] - type_totals_[t][k])) / space_.Scale(k);
    const bool matches = !selector || type_matches_[t][*selector];
    if (missing == 0 && matches) {
      if (t < input_.backed_off.size() && input_.backed_off[t]) {
        backed_off = true;
        continue;
      }
      return "";
    }
    if (!matches) missing += 1e6;
    if (missing >= least) continue;
    least = missing;
    labels_only = missing == 1e6;
    nearest = config_.types[t].name;
  }
  if (backed_off) return "launches of the node types that fit failed lately";
  if (nearest.empty()) return "no node types are configured";
  for (uint32_t t = 0; t < config_.types.size(); ++t) {
    if (config_.types[t].name != nearest) continue;
    if (labels_only) return "no node type has the labels it asks for; '" + nearest + "' would be large enough";
    return "no node type can hold " + ToString(demand.resources) + "; the nearest, '" + nearest + "', has " +
           ToString(config_.types[t].resources);
  }
  return "";
}

void Round::ExplainLeft(const std::vector<DemandGroup>& groups, const std::vector<PackDemand>& left) {
  for (const PackDemand& demand : left) {
    if (demand.count == 0) continue;
    const std::string why = WhyNot(groups[demand.group]);
    Note(why.empty() ? "wait" : "infeasible", "", demand.count, why.empty() ? "max_workers reached" : why);
  }
}

void Round::PlanFloor() {
  if (input_.floor.empty()) return;
  std::vector<BinClass> classes = Classes(true);
  Pack(classes, input_.floor, false, false, "request_resources");
  needed_ = std::exchange(used_, {});
}

void Round::PlanGangs() {
  std::vector<const Gang*> gangs;
  for (const Gang& gang : input_.gangs) gangs.push_back(&gang);
  const auto size = [](const Gang* gang) {
    size_t constraints = gang->strategy == BundleStrategy::kStrictSpread, bundles = 0;
    for (const DemandGroup& bundle : gang->bundles)
      constraints += bundle.labels.empty() ? 0 : 1, bundles += static_cast<size_t>(bundle.count);
    return std::pair(constraints, bundles);
  };
  std::stable_sort(gangs.begin(), gangs.end(), [&](const Gang* a, const Gang* b) { return size(a) > size(b); });
  std::vector<BinClass> classes = Classes(false);
  for (const Gang* gang : gangs) {
    std::vector<DemandGroup> bundles = gang->bundles;
    if (gang->strategy == BundleStrategy::kStrictPack && !bundles.empty()) {
      DemandGroup whole{{}, bundles.front().labels, 1};
      for (const DemandGroup& bundle : bundles) {
        for (uint64_t i = 0; i < bundle.count; ++i) whole.resources += bundle.resources;
      }
      bundles = {whole};
    }
    Pack(classes, bundles, gang->strategy == BundleStrategy::kStrictSpread, true, "placement group");
  }
  Pack(classes, input_.demands, false, false, "pending tasks and actors");
}

void Round::EndIdle() {
  std::vector<size_t> idle;
  for (size_t i = 0; i < input_.nodes.size(); ++i) {
    const ScaledNode& node = input_.nodes[i];
    const bool own = node.instance != 0 && node.type < count_.size() && !node.head && ending_.count(i) == 0;
    if (!own || !node.running || node.draining) continue;
    if (!node.busy)
      idle.push_back(i);
    else if (node.available == node.total && !node.total.empty())
      Note("keep", config_.types[node.type].name, 1, "has objects or work, though nothing of it is in use");
  }
  std::stable_sort(idle.begin(), idle.end(),
                   [&](size_t a, size_t b) { return input_.nodes[a].idle > input_.nodes[b].idle; });
  for (size_t i : idle) {
    const ScaledNode& node = input_.nodes[i];
    const NodeType& type = config_.types[node.type];
    const Duration timeout = type.idle_timeout.ns >= 0 ? type.idle_timeout : config_.idle_timeout;
    const auto member = static_cast<uint32_t>(i);
    if (needed_.count(member) != 0) {
      Note("keep", type.name, 1, "request_resources");
    } else if (used_.count(member) != 0) {
      Note("keep", type.name, 1, "pending demand will use it");
    } else if (node.idle < timeout) {
      Note("keep", type.name, 1, "idle for less than idle_timeout");
    } else if (count_[node.type] <= type.min_workers) {
      Note("keep", type.name, 1, "min_workers");
    } else {
      End(i, true, "idle for idle_timeout");
    }
  }
}

// upscaling_speed, and the lines of the decision.
void Round::Limit() {
  std::vector<int64_t> allowed;
  for (size_t t = 0; t < config_.types.size(); ++t) {
    const double most = std::ceil(config_.upscaling_speed * static_cast<double>(std::max<int64_t>(running_[t], 1)));
    allowed.push_back(std::max<int64_t>(0, static_cast<int64_t>(std::max(1.0, std::min(most, 1e15))) - pending_[t]));
  }
  std::map<std::pair<uint32_t, std::string>, int64_t> launches;
  for (const Planned& planned : planned_) {
    const bool minimum = planned.reason == "min_workers";
    if (!minimum && allowed[planned.type] <= 0) {
      Note("wait", config_.types[planned.type].name, 1, "upscaling_speed");
      continue;
    }
    --allowed[planned.type];
    ++launches[{planned.type, planned.reason}];
  }
  for (const auto& [key, count] : launches) decision_.launches.push_back({key.first, count, key.second});
}

ScalingDecision Round::Decide() {
  EndOutdated();
  PlanMinimum();
  EndAboveMaximum();
  PlanFloor();
  PlanGangs();  // and pending tasks, on what the gangs leave
  EndIdle();
  Limit();
  for (const auto& [key, count] : notes_)
    decision_.notes.push_back({std::get<0>(key), std::get<1>(key), count, std::get<2>(key)});
  return std::move(decision_);
}

}  // namespace

ScalingDecision DecideScaling(const AutoscalerConfig& config, const ScalingInput& input) {
  return Round(config, input).Decide();
}

Status ValidateConfig(const AutoscalerConfig& config) {
  const auto bad = [](const std::string& message) { return Status(StatusCode::kInvalidArgument, message); };
  std::set<std::string> names;
  int64_t minimum = 0;
  for (const NodeType& type : config.types) {
    const std::string where = "node type '" + type.name + "': ";
    if (type.name.empty()) return bad("a node type has no name");
    if (!names.insert(type.name).second) return bad(where + "there are two of this name");
    if (type.min_workers < 0) return bad(where + "min_workers is negative");
    if (type.max_workers < type.min_workers)
      return bad(where + "min_workers (" + std::to_string(type.min_workers) + ") is above max_workers (" +
                 std::to_string(type.max_workers) + ")");
    if (type.resources.empty()) return bad(where + "it has no resources");
    if (type.resources.AnyNegative()) return bad(where + "a resource is negative");
    if (type.price < 0) return bad(where + "price is negative");
    minimum += type.min_workers;
  }
  if (config.max_workers < minimum)
    return bad("max_workers (" + std::to_string(config.max_workers) + ") is below the sum of all min_workers (" +
               std::to_string(minimum) + ")");
  if (!(config.upscaling_speed >= 0)) return bad("upscaling_speed is negative");
  return Status::Ok();
}

}  // namespace orrery
