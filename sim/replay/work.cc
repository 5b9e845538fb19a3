#include "sim/replay/work.h"

#include <errno.h>
#include <time.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/api/codec.h"
#include "runtime/api/function.h"
#include "runtime/api/stored.h"
#include "runtime/common/time.h"

namespace orrery {

namespace {

constexpr size_t kPage = 4096;

double NodeSpeed() {
  const char* text = std::getenv(kSpeedVariable);
  const double speed = text == nullptr ? 1 : std::atof(text);
  return speed > 0 ? speed : 1;
}

int64_t Monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void SleepUntil(int64_t end) {
  const timespec until{end / 1'000'000'000, end % 1'000'000'000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

// In memory and on the wire exactly `bytes` in all, where they are too many for a message.
void MakeResult(int64_t bytes, internal::Outgoing& out) {
  constexpr auto kHeader = static_cast<int64_t>(internal::kStoredHeader);
  if (bytes == 0) return out.Encode(true);
  out.Encode(std::string(static_cast<size_t>(bytes > kHeader ? bytes - kHeader : bytes), 'x'));
}

void Perform(const std::vector<internal::Incoming>& args, internal::Outgoing& result) {
  const int64_t begin = Monotonic();
  static const double speed = NodeSpeed();
  const auto work = internal::DecodeIncoming<ReplayWork>(args.at(0));
  std::vector<char> memory(static_cast<size_t>(work.bytes));
  for (size_t at = 0; at < memory.size(); at += kPage) *static_cast<volatile char*>(&memory[at]) = 1;
  const int64_t end = begin + Duration::FromSeconds(static_cast<double>(work.work_ns) / 1e9 / speed).ns;
  if (!work.spin) SleepUntil(end);
  while (Monotonic() < end) {
  }
  size_t next = 0;
  for (internal::Outgoing* out = &result; out != nullptr; out = out->next(), ++next)
    MakeResult(next < work.results.size() ? work.results[next] : 0, *out);
}

constexpr std::string_view kName = "orrery::replay";

}  // namespace

uint64_t RegisterReplayFunction() {
  static const internal::FunctionInfo info{kName, HashName(kName), internal::kAnyArity, &Perform};
  internal::RegisterFunction(&info);
  return info.id;
}

std::string EncodeWork(const ReplayWork& work) {
  std::string bytes;
  EncodeTo(work, bytes);
  return bytes;
}

}  // namespace orrery
