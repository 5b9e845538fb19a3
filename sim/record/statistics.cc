#include "sim/record/statistics.h"

#include <cmath>

namespace orrery {

namespace {
double Percentile(const std::vector<int64_t>& sorted, double p) {
  const double position = p * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double low = static_cast<double>(sorted[below]), high = static_cast<double>(sorted[above]);
  return (low + (high - low) * (position - std::floor(position))) / 1e9;
}
}  // namespace

Distribution5 Summarize(std::vector<int64_t>& samples) {
  Distribution5 out;
  if (samples.empty()) return out;
  std::sort(samples.begin(), samples.end());
  __extension__ using Wide = __int128;
  Wide sum = 0;
  for (const int64_t sample : samples) sum += sample;
  out.count = samples.size();
  out.mean = static_cast<double>(sum) / static_cast<double>(samples.size()) / 1e9;
  out.p50 = Percentile(samples, 0.50);
  out.p95 = Percentile(samples, 0.95);
  out.p99 = Percentile(samples, 0.99);
  out.max = static_cast<double>(samples.back()) / 1e9;
  return out;
}

}  // namespace orrery
