// What happens to rows that cannot be used, the same in every trace reader. Internal to sim/scenario.
#pragma once

#include <string>

#include "runtime/common/status.h"
#include "sim/scenario/trace.h"

namespace orrery {

// Counts rows and decides about bad ones as the options say.
class BadRows {
 public:
  BadRows(const TraceOptions& options, TraceReport& report) : options_(options), report_(report) {}
  // False once the limit of rows is reached; call before each row.
  bool More() const { return options_.limit == 0 || report_.rows < options_.limit; }
  void CountRow() { ++report_.rows; }
  // `where` is "file:row: why". ok to go on with the next row, else the error to return.
  Status Bad(const std::string& where) {
    if (options_.on_bad_row == OnBadRow::kFail) {
      return {StatusCode::kInvalidArgument, where + " (on_bad_row: drop leaves such rows out)"};
    }
    ++report_.dropped;
    if (report_.first_dropped.size() < 10) report_.first_dropped.push_back(where);
    return Status::Ok();
  }

 private:
  const TraceOptions& options_;
  TraceReport& report_;
};

// Shifts submit times so that the earliest is zero, scales times, and sorts by submit time (stable).
void NormalizeTrace(double time_scale, std::vector<TraceTask>& tasks);

}  // namespace orrery
