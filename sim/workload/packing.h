// The packing experiment of the fragmentation literature: pods arrive one by one, without a clock and without
// departures, and what counts is how much of the cluster's GPU capacity ends up allocated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/scheduling/policy.h"
#include "sim/scenario/openb.h"

namespace orrery {

struct PackingOptions {
  std::string policy = "fgd";      // runtime/scheduling/policy.h has the names
  double arrive_up_to = 1.3;       // stop before the arrived GPU demand exceeds this multiple of the capacity
  PolicyOptions policy_options;    // typical_pods is filled in from the pods when it is empty
};

struct PackingResult {
  double at_100 = 0;               // GPU allocation, percent of capacity, when 100 % of the capacity had arrived
  double at_130 = 0;               // the same at 130 %; with another arrive_up_to, at the end
  std::vector<double> curve;       // [p]: the allocation when p % had arrived, p = 0, 1, … up to arrive_up_to
  int64_t arrived = 0;             // pods
  int64_t dropped = 0;             // pods that fitted nowhere on arrival
  int64_t gpu_capacity = 0;        // whole GPUs
};

// Replays one trace through the product's own policies. The protocol is that of the artifact of Weng et al., "Beware of
// Fragmentation", USENIX ATC 2023: nodes get their order (which breaks ties) from a random permutation; pods are sorted
// by name and shuffled; then pods drawn uniformly with replacement are appended until the next one would exceed the
// target; a pod that fits nowhere is dropped. CPU and memory filter like GPUs.
class PackingReplay {
 public:
  // kInvalidArgument without GPUs or pods, or when a pod asks for more than one GPU but not for whole ones.
  static Result<PackingReplay> Make(std::vector<OpenbNode> nodes, std::vector<OpenbPod> pods);
  // One run; equal arguments give equal results. kInvalidArgument for an unknown policy.
  Result<PackingResult> Run(const PackingOptions& options, uint64_t seed) const;

 private:
  PackingReplay() = default;
  std::vector<size_t> Arrivals(double arrive_up_to, uint64_t seed) const;
  void FillView(uint64_t seed, ClusterView& view) const;
  void Replay(const PackingOptions& options, uint64_t seed, PlacementPolicy& policy, PackingResult& result) const;

  struct Pod {
    std::string name;
    SchedulingRequest request;
    FixedPoint gpus;
  };
  struct Node {
    ResourceSet resources;
    Labels labels;
  };
  std::vector<Node> nodes_;
  std::vector<Pod> pods_;  // by name
  FixedPoint capacity_;
};

}  // namespace orrery
