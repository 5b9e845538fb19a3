#include "runtime/main/autoscaler_csv.h"

#include <time.h>

#include <cerrno>
#include <cstring>

#include "runtime/messages/autoscaler_rows.h"

namespace orrery {

namespace {

Time SinceEpoch() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return Time{int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

}  // namespace

Result<std::unique_ptr<AutoscalerCsv>> AutoscalerCsv::Open(const std::string& path, TraceSink& next) {
  std::FILE* file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) return Status(StatusCode::kUnavailable, "cannot write " + path + ": " + std::strerror(errno));
  std::fseek(file, 0, SEEK_END);
  if (std::ftell(file) == 0) std::fputs(AutoscalerCsvHeader().c_str(), file);
  std::fflush(file);
  return std::unique_ptr<AutoscalerCsv>(new AutoscalerCsv(file, next));
}

AutoscalerCsv::~AutoscalerCsv() { std::fclose(file_); }

void AutoscalerCsv::OnTrace(Time time, const TraceEvent& event) {
  next_.OnTrace(time, event);
  for (const AutoscalerRow& row : AutoscalerRowsOf(SinceEpoch(), event)) {
    const std::string line = AutoscalerCsvLine(row);
    std::fwrite(line.data(), 1, line.size(), file_);
    std::fflush(file_);
  }
}

}  // namespace orrery
