// What the autoscaler did, and why, as rows of autoscaler.csv: of result folders and of the session.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/env/trace.h"

namespace orrery {

// The text of a kAutoscalerAction, and what ParseAutoscalerRows makes of it.
std::string AutoscalerActionText(const std::string& action, const std::string& node_type, const std::string& reason);

struct AutoscalerRow {
  Time time;  // in a result folder since the run began, in a session since the Unix epoch
  int64_t round = 0;
  std::string action;  // launch, drain, terminate, failed, lost; keep, wait, infeasible until over; demand, nodes
  std::string node_type;
  int64_t count = 0;
  std::string reason;
};

// Of a kAutoscalerRound or kAutoscalerAction, traced at `time`; of others, none.
std::vector<AutoscalerRow> AutoscalerRowsOf(Time time, const TraceEvent& event);

// "time_s,round,action,node_type,count,reason\n".
std::string AutoscalerCsvHeader();
std::string AutoscalerCsvLine(const AutoscalerRow& row);
// A whole file; a last line that is not complete is left out, since its writer may be at it. kInvalidArgument names the
// line that is none.
Result<std::vector<AutoscalerRow>> ParseAutoscalerCsv(std::string_view text);

}  // namespace orrery
