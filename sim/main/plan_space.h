// What a plan varies, and what its answer must meet: the texts of --vary and --slo.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "sim/record/summary.h"

namespace orrery {

// `key=a,b,c`: each value. `key=lo..hi`: whole numbers, of which the least that is good is looked for. The key is one
// of
// --set; "nodes" is short for the count of the only node type that is not the head's.
struct PlanAxis {
  std::string key;
  std::vector<std::string> values;  // of a list
  int64_t low = 0, high = 0;        // of a range
  bool range() const { return values.empty(); }
};
// kInvalidArgument says what is wrong with the text.
Result<PlanAxis> ParseAxis(const std::string& text);

// `metric <= value`: a path in summary.json ("wait_s.p95") or a short name (p95_wait, mean_turnaround, makespan, cost).
struct Slo {
  std::string text;  // as given
  std::string metric;  // the path
  bool at_most = true, strict = false;
  double value = 0;  // in the metric's unit
  // The metric in a run's summary and whether it is good; no metric is not good.
  std::optional<double> Measure(const Summary& summary) const { return summary.Number(metric); }
  bool Holds(double measured) const;
};
Result<Slo> ParseSlo(const std::string& text);

// One choice for every axis, in the order of the axes: "key=value".
using PlanPoint = std::vector<std::string>;

}  // namespace orrery
