// What every trace reader gives: tasks with a submit time, a duration and a request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/common/resources.h"
#include "runtime/common/time.h"

namespace orrery {

// One job of a production trace, as a task. Times count from the first submit of the trace.
struct TraceTask {
  std::string name;          // job number or pod name; unique within a trace unless the trace itself repeats it
  Time submit_time;          // since the first submit of the trace
  Duration duration;         // run time on a node of speed 1
  ResourceSet resources;     // what the scheduler reserves
  LabelSelector labels;      // where it may run: openb's GPU models, and the hard labels of the scenario's task
  int64_t memory_bytes = 0;  // what it uses while it runs; 0 where the trace does not say
};

// What to do with a row that cannot be used (unknown run time, malformed number).
enum class OnBadRow : uint8_t { kFail, kDrop };

// What a reader found.
struct TraceReport {
  int64_t rows = 0;                        // data rows seen, good and bad
  int64_t dropped = 0;                     // bad rows left out (OnBadRow::kDrop only)
  std::vector<std::string> first_dropped;  // reasons of the first ten, each "file:row: why"
};

struct Trace {
  std::vector<TraceTask> tasks;  // sorted by submit_time; rows of equal time keep the file's order
  TraceReport report;
};

// How to read a trace file, common to all formats.
struct TraceOptions {
  OnBadRow on_bad_row = OnBadRow::kFail;
  double time_scale = 1;  // multiplies submit times and durations; 0.01 replays an hour in 36 s
  int64_t limit = 0;      // read at most this many data rows; 0: all
};

}  // namespace orrery
