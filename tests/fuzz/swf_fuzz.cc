// Any bytes as a workload log: never a crash, and every row accounted for.
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/common/assert.h"
#include "sim/scenario/swf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  orrery::TraceOptions options;
  options.on_bad_row = orrery::OnBadRow::kDrop;
  options.time_scale = size % 2 == 0 ? 1 : 0.001;
  const auto trace = orrery::ParseSwf(text, "fuzz.swf", options);
  ORRERY_ASSERT(trace.ok());
  const auto& report = trace.value().report;
  ORRERY_ASSERT(report.rows == report.dropped + static_cast<int64_t>(trace.value().tasks.size()));
  orrery::Time before;
  for (const orrery::TraceTask& task : trace.value().tasks) {
    ORRERY_ASSERT(task.submit_time >= before && task.duration.ns >= 0 && !task.resources.AnyNegative());
    before = task.submit_time;
  }
  options.on_bad_row = orrery::OnBadRow::kFail;
  const auto strict = orrery::ParseSwf(text, "fuzz.swf", options);
  ORRERY_ASSERT(strict.ok() == (report.dropped == 0));
  return 0;
}
