// Short ways to write requests, nodes and views in scheduling tests.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <utility>

#include "runtime/scheduling/cluster_view.h"
#include "runtime/scheduling/policy.h"

namespace orrery {

inline FixedPoint F(double x) { return FixedPoint::FromDouble(x); }
inline ResourceSet Res(double cpu, double gpu = 0, double memory = 0) {
  return ResourceSet()
      .Set(ResourceKind::kCpu, F(cpu))
      .Set(ResourceKind::kGpu, F(gpu))
      .Set(ResourceKind::kMemory, F(memory));
}
inline SchedulingRequest Ask(ResourceSet resources, LabelSelector hard = {}, LabelSelector soft = {}) {
  SchedulingRequest request{std::move(resources), {}};
  request.strategy.hard_labels = std::move(hard);
  request.strategy.soft_labels = std::move(soft);
  return request;
}
inline LabelExpression In(std::string key, std::vector<std::string> values) {
  return {std::move(key), LabelExpression::Op::kIn, std::move(values)};
}
inline Placement Available(uint32_t node) { return {NodeId{node}, Placement::Kind::kAvailable}; }
inline Placement Feasible(uint32_t node) { return {NodeId{node}, Placement::Kind::kFeasible}; }
inline Placement Infeasible() { return {}; }

inline std::ostream& operator<<(std::ostream& out, const Placement& p) {
  static constexpr const char* kKinds[] = {"available", "feasible", "infeasible"};
  return out << ToString(p.node) << " " << kKinds[static_cast<int>(p.kind)];
}

}  // namespace orrery
