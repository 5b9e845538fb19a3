#include "sim/workload/packing.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "runtime/common/assert.h"

namespace orrery {

namespace {
FixedPoint GpusOf(const ResourceSet& resources) { return resources.Get(ResourceKind::kGpu); }

double Percent(FixedPoint part, FixedPoint whole) {
  return 100.0 * static_cast<double>(part.raw) / static_cast<double>(whole.raw);
}
// The trace states GPUs as a count and thousandths of each; only a single GPU can be shared.
Status CheckGpus(const OpenbPod& pod) {
  const bool none = pod.num_gpu == 0 && pod.gpu_milli == 0;
  const bool shared = pod.num_gpu == 1 && pod.gpu_milli > 0 && pod.gpu_milli < 1000;
  const bool whole = pod.num_gpu > 0 && pod.gpu_milli == 1000;
  if (none || shared || whole) return Status::Ok();
  return {StatusCode::kInvalidArgument, "pod " + pod.name + " asks for " + std::to_string(pod.gpu_milli) +
                                            " thousandths of each of " + std::to_string(pod.num_gpu) +
                                            " GPUs; it may share one or take whole ones"};
}
}  // namespace

Result<PackingReplay> PackingReplay::Make(std::vector<OpenbNode> nodes, std::vector<OpenbPod> pods) {
  PackingReplay replay;
  std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::stable_sort(pods.begin(), pods.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const OpenbNode& node : nodes) {
    replay.nodes_.push_back({OpenbNodeResources(node), OpenbNodeLabels(node)});
    replay.capacity_ += GpusOf(replay.nodes_.back().resources);
  }
  for (OpenbPod& pod : pods) {
    if (Status status = CheckGpus(pod); !status.ok()) return status;
    SchedulingRequest request{OpenbPodResources(pod), {}};
    request.strategy.hard_labels = OpenbPodLabels(pod);
    if (Status status = ValidateRequest(request.resources); !status.ok()) {
      return Status(status.code(), "pod " + pod.name + ": " + status.message());
    }
    const FixedPoint gpus = GpusOf(request.resources);
    replay.pods_.push_back({std::move(pod.name), std::move(request), gpus});
  }
  if (replay.capacity_.raw <= 0) return Status(StatusCode::kInvalidArgument, "packing needs nodes with GPUs");
  const bool any =
      std::any_of(replay.pods_.begin(), replay.pods_.end(), [](const auto& pod) { return pod.gpus.raw > 0; });
  if (!any) return Status(StatusCode::kInvalidArgument, "packing needs pods that ask for GPUs");
  return replay;
}

std::vector<size_t> PackingReplay::Arrivals(double arrive_up_to, uint64_t seed) const {
  std::vector<size_t> order(pods_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Random::Named(seed, "packing", "shuffle").Shuffle(order);
  const double target = arrive_up_to * static_cast<double>(capacity_.raw);
  Random draws = Random::Named(seed, "packing", "inflate");
  FixedPoint arrived;
  std::vector<size_t> arrivals;
  // The trace itself first, as far as it goes; then draws from it.
  for (size_t i = 0;; ++i) {
    const size_t pod = i < order.size() ? order[i] : draws.Below(pods_.size());
    arrived += pods_[pod].gpus;
    if (static_cast<double>(arrived.raw) > target) return arrivals;
    arrivals.push_back(pod);
  }
}

void PackingReplay::FillView(uint64_t seed, ClusterView& view) const {
  std::vector<size_t> order(nodes_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Random::Named(seed, "packing", "nodes").Shuffle(order);
  for (size_t i = 0; i < order.size(); ++i) {
    view.AddNode(NodeId{static_cast<uint32_t>(i + 1)}, nodes_[order[i]].resources, nodes_[order[i]].labels);
  }
}

void PackingReplay::Replay(const PackingOptions& options, uint64_t seed, PlacementPolicy& policy,
                           PackingResult& result) const {
  ClusterView view;
  FillView(seed, view);
  Random random = Random::Named(seed, "packing", "policy");
  FixedPoint arrived, allocated;
  for (const size_t index : Arrivals(options.arrive_up_to, seed)) {
    const Pod& pod = pods_[index];
    arrived += pod.gpus;
    ++result.arrived;
    const Placement placement = policy.Pick(view, {pod.request, {}, {}, true}, random);
    if (placement.node) {
      const auto gpus = policy.PickGpus(*view.Find(placement.node), pod.request.resources, random);
      ORRERY_ASSERT_MSG(gpus.has_value(), "the policy picked a node without room");
      view.Deduct(placement.node, pod.request.resources, *gpus);
      allocated += pod.gpus;
    } else {
      ++result.dropped;
    }
    while (Percent(arrived, capacity_) >= static_cast<double>(result.curve.size())) {
      result.curve.push_back(Percent(allocated, capacity_));
    }
  }
  // The last whole percent is approached from below only.
  const auto points = static_cast<size_t>(options.arrive_up_to * 100 + 0.5) + 1;
  while (result.curve.size() < points) result.curve.push_back(Percent(allocated, capacity_));
}

Result<PackingResult> PackingReplay::Run(const PackingOptions& options, uint64_t seed) const {
  if (!(options.arrive_up_to > 0 && options.arrive_up_to <= 100)) {
    return Status(StatusCode::kInvalidArgument, "arrive_up_to must be above 0 and at most 100");
  }
  PolicyOptions policy_options = options.policy_options;
  if (!policy_options.typical_pods) {
    std::vector<TypicalPod> seen;
    for (const Pod& pod : pods_) seen.push_back({pod.request.resources, pod.request.strategy.hard_labels, 1});
    policy_options.typical_pods = MostFrequent(seen);
  }
  auto policy = MakePolicy(options.policy, policy_options);
  if (!policy.ok()) return policy.status();
  PackingResult result;
  result.gpu_capacity = capacity_.raw / FixedPoint::kUnit;
  Replay(options, seed, **policy, result);
  result.at_100 = result.curve[std::min<size_t>(100, result.curve.size() - 1)];
  result.at_130 = result.curve[std::min<size_t>(130, result.curve.size() - 1)];
  return result;
}

}  // namespace orrery
