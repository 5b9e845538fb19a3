// How a task is to be run: what it needs, where, and what happens when it fails.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "runtime/common/ids.h"
#include "runtime/common/resources.h"

namespace orrery {

// Equal needs and strategies share workers; keep the number of different combinations small (thousands, not millions).
//   orrery::task<&train>({.num_cpus = 2, .num_gpus = 0.5, .name = "train"})(data);
struct TaskOptions {
  double num_cpus = 1;
  double num_gpus = 0;                        // a fraction of one, or whole ones
  int64_t memory = 0;                         // bytes that the scheduler sets aside; not enforced
  std::map<std::string, double> resources = {};  // custom ones, by name
  SchedulingStrategy strategy = {};
  LabelSelector label_selector = {};          // must hold for the node
  LabelSelector preferred_labels = {};        // nodes for which it holds come first
  std::vector<LabelSelector> fallback_strategy = {};  // tried in order where no node fits label_selector
  std::optional<int> max_retries = {};  // after the death of worker or node; -1: for ever; default: task_max_retries
  bool retry_exceptions = false;  // also when the function throws
  std::string name = {};  // for people; default: the function's name
  uint32_t generator_backpressure = 0;  // a generator pauses while so many of its items were not taken; 0: never
};

// Over all nodes in turn, rather than packed.
inline SchedulingStrategy Spread() {
  SchedulingStrategy strategy;
  strategy.kind = SchedulingStrategy::Kind::kSpread;
  return strategy;
}
// On that node. `soft`: elsewhere when it is dead or can never fit.
inline SchedulingStrategy NodeAffinity(NodeId node, bool soft = false) {
  SchedulingStrategy strategy;
  strategy.kind = SchedulingStrategy::Kind::kNodeAffinity;
  strategy.affinity_node = node.value;
  strategy.soft = soft;
  return strategy;
}

inline LabelExpression LabelIn(std::string key, std::vector<std::string> values) {
  return {std::move(key), LabelExpression::Op::kIn, std::move(values)};
}
inline LabelExpression LabelNotIn(std::string key, std::vector<std::string> values) {
  return {std::move(key), LabelExpression::Op::kNotIn, std::move(values)};
}
inline LabelExpression LabelExists(std::string key) { return {std::move(key), LabelExpression::Op::kExists, {}}; }

namespace internal {

// The scheduling class of (function, options), the same number for equal ones; numbers start at 1.
// Throws Error(kInvalidArgument) for requests that make no sense.
uint32_t ClassFor(uint64_t function, const TaskOptions& options);
uint32_t ClassForRequest(uint64_t function, const SchedulingRequest& request);

}  // namespace internal
}  // namespace orrery
