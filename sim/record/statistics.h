// Summaries of samples, and Little's law measured two ways.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace orrery {

// Of durations in nanoseconds; in seconds. All zero when there are no samples.
struct Distribution5 {
  uint64_t count = 0;
  double mean = 0, p50 = 0, p95 = 0, p99 = 0, max = 0;
};
// Sorts `samples`. Percentiles interpolate linearly between order statistics (Hyndman and Fan's type 7, numpy's
// default).
Distribution5 Summarize(std::vector<int64_t>& samples);

// The number of tasks in the system, integrated over time as they come and go. Independent of what tasks report about
// themselves, so that L = lambda W (Little 1961) tests the books.
class OccupancyIntegral {
 public:
  void Enter(int64_t now) {
    Advance(now);
    ++inside_;
  }
  void Leave(int64_t now) {
    Advance(now);
    --inside_;
  }
  // From the first Enter to the last Enter or Leave.
  double span_seconds() const { return begun_ ? static_cast<double>(last_ - first_) / 1e9 : 0; }
  double task_seconds() const { return area_; }
  int64_t inside() const { return inside_; }

 private:
  void Advance(int64_t now) {
    if (!begun_) first_ = last_ = now;
    begun_ = true;
    now = std::max(now, last_);
    area_ += static_cast<double>(inside_) * (static_cast<double>(now - last_) / 1e9);
    last_ = now;
  }
  bool begun_ = false;
  int64_t first_ = 0, last_ = 0, inside_ = 0;
  double area_ = 0;
};

}  // namespace orrery
