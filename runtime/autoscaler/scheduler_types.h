// What the demand scheduler reads and what it answers: plain data, no Env.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/common/bundle.h"
#include "runtime/common/node_flags.h"
#include "runtime/common/resources.h"
#include "runtime/common/time.h"

namespace orrery {

// A kind of node that can be launched. (Ray's available_node_types.)
struct NodeType {
  std::string name;
  ResourceSet resources;
  Labels labels;
  int64_t min_workers = 0;
  int64_t max_workers = 0;
  double price = 0;  // per node and hour, in the user's currency
  Duration idle_timeout{-1};  // negative: that of the cluster
};

struct AutoscalerConfig {
  enum class Objective : uint8_t { kUtilization, kCost };
  std::vector<NodeType> types;
  int64_t max_workers = INT64_MAX;  // of all types together, without the head
  double upscaling_speed = 1;
  Duration idle_timeout = Duration::Seconds(300);
  Objective objective = Objective::kUtilization;
};

// A node, or an instance that will become one.
struct ScaledNode {
  static constexpr uint32_t kNoType = UINT32_MAX;  // of no type of the config: its resources count, it is never ended
  uint64_t instance = 0;  // 0: not launched by the autoscaler (the head, nodes that joined by themselves)
  uint32_t type = kNoType;
  ResourceSet total, available;
  Labels labels;
  bool running = true;  // false: on its way, with everything free
  bool draining = false;  // takes no work and will go, or is going: counts for maxima only
  bool head = false;
  bool busy = false;
  Duration idle;  // how long it has had no work; meaningless while busy
};

// Equal tasks, actors or bundles.
struct DemandGroup {
  ResourceSet resources;
  LabelSelector labels;
  uint64_t count = 1;
};

// Placed all or not at all.
struct Gang {
  BundleStrategy strategy = BundleStrategy::kPack;
  std::vector<DemandGroup> bundles;
};

// One consistent picture.
struct ScalingInput {
  std::vector<ScaledNode> nodes;
  std::vector<DemandGroup> demands;  // pending tasks and actors
  std::vector<Gang> gangs;  // pending placement groups
  std::vector<DemandGroup> floor;  // request_resources: packed against totals, used or not
  // [type]: launches failed lately; nothing of it is launched this round.
  std::vector<bool> backed_off;
};

// What a round decided. Every line has a reason that a person understands.
struct ScalingDecision {
  struct Launch {
    uint32_t type = 0;
    int64_t count = 0;
    std::string reason;
  };
  struct End {
    uint64_t instance = 0;
    bool only_if_idle = true;  // false: above its maximum, whatever it does
    std::string reason;
  };
  struct Note {
    std::string what;  // "infeasible", "wait", "keep"
    std::string type;  // node type, or ""
    uint64_t count = 0;
    std::string reason;
  };
  std::vector<Launch> launches;
  std::vector<End> ends;
  std::vector<Note> notes;
};

}  // namespace orrery
