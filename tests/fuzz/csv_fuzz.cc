// Any bytes as a CSV trace, as openb nodes and as openb pods, with bad rows dropped: never a crash, and every row
// accounted for.
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/common/assert.h"
#include "sim/scenario/csv_trace.h"
#include "sim/scenario/openb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  orrery::TraceSpec spec;
  spec.options.on_bad_row = orrery::OnBadRow::kDrop;
  const auto trace = orrery::ParseCsvTrace(text, "fuzz.csv", spec);
  if (trace.ok()) {
    const auto& report = trace.value().report;
    ORRERY_ASSERT(report.rows == report.dropped + static_cast<int64_t>(trace.value().tasks.size()));
    for (const orrery::TraceTask& task : trace.value().tasks) {
      ORRERY_ASSERT(task.submit_time.ns >= 0 && task.duration.ns >= 0 && !task.resources.AnyNegative());
    }
  }
  const auto nodes = orrery::ParseOpenbNodes(text, "fuzz.csv");
  if (nodes.ok()) {
    for (const orrery::OpenbNode& node : nodes.value()) ORRERY_ASSERT(!OpenbNodeResources(node).AnyNegative());
  }
  const auto pods = orrery::ParseOpenbPods(text, "fuzz.csv", spec.options);
  if (pods.ok()) {
    const auto tasks = orrery::OpenbPodsToTrace(pods.value(), "fuzz.csv", spec.options);
    ORRERY_ASSERT(tasks.ok());
    const auto& report = tasks.value().report;
    ORRERY_ASSERT(report.rows == report.dropped + static_cast<int64_t>(tasks.value().tasks.size()));
  }
  return 0;
}
