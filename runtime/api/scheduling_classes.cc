#include "runtime/api/scheduling_classes.h"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/api/errors.h"
#include "runtime/api/options.h"

namespace orrery::internal {

namespace {

// Grows only; sessions define its classes at their core worker as they meet them.
struct Table {
  std::mutex mutex;
  std::map<std::pair<uint64_t, SchedulingRequest>, uint32_t> ids;
  std::vector<SchedulingRequest> requests;
};
Table& TheTable() {
  static auto* table = new Table;
  return *table;
}

}  // namespace

SchedulingRequest RequestFor(const TaskOptions& options) {
  SchedulingRequest request;
  request.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(options.num_cpus));
  request.resources.Set(ResourceKind::kGpu, FixedPoint::FromDouble(options.num_gpus));
  request.resources.Set(ResourceKind::kMemory, FixedPoint::FromDouble(static_cast<double>(options.memory)));
  for (const auto& [name, amount] : options.resources) request.resources.Set(name, FixedPoint::FromDouble(amount));
  request.strategy = options.strategy;
  const auto append = [](LabelSelector& to, const LabelSelector& more) {
    to.insert(to.end(), more.begin(), more.end());
  };
  append(request.strategy.hard_labels, options.label_selector);
  append(request.strategy.soft_labels, options.preferred_labels);
  for (const LabelSelector& selector : options.fallback_strategy) request.strategy.fallbacks.push_back(selector);
  return request;
}

uint32_t ClassFor(uint64_t function, const TaskOptions& options) {
  return ClassForRequest(function, RequestFor(options));
}

uint32_t CapturedClass(uint64_t function, uint32_t class_id, PlacementGroupId group) {
  SchedulingRequest request = SchedulingClassOf(class_id);
  CaptureStrategy(request.strategy, group);
  return ClassForRequest(function, request);
}

void CaptureStrategy(SchedulingStrategy& strategy, PlacementGroupId group) {
  if (!group || strategy.kind != SchedulingStrategy::Kind::kDefault) return;
  strategy.kind = SchedulingStrategy::Kind::kPlacementGroup;
  strategy.group = group;
  strategy.capture_child_tasks = true;
}

uint32_t ClassForRequest(uint64_t function, const SchedulingRequest& request) {
  if (const Status status = ValidateRequest(request.resources); !status.ok())
    throw Error(status.code(), status.message());
  Table& table = TheTable();
  std::lock_guard lock(table.mutex);
  const auto [it, inserted] =
      table.ids.try_emplace({function, request}, static_cast<uint32_t>(table.requests.size() + 1));
  if (inserted) table.requests.push_back(request);
  return it->second;
}

SchedulingRequest SchedulingClassOf(uint32_t id) {
  Table& table = TheTable();
  std::lock_guard lock(table.mutex);
  return table.requests.at(id - 1);
}

}  // namespace orrery::internal
