#include "tests/bench/transport/pair.h"

#include <time.h>

#include <algorithm>

namespace orrery {

void FillRequest(uint64_t index, msg::PushTask* push) {
  msg::TaskSpec* spec = push->mutable_spec();
  spec->set_owner(0x300000007);
  spec->set_index(index);
  spec->set_function(0x123456789abcdef);
  spec->set_num_returns(1);
  spec->set_job(1);
  if (spec->args_size() == 0) spec->add_args();
  spec->mutable_args(0)->set_value("sixteen bytes ok");
  push->set_sequence(index);
  push->mutable_lease()->set_owner(0x300000007);
  push->mutable_lease()->set_index(1);
}

void FillReply(const msg::PushTask& push, msg::TaskReply* reply) {
  reply->set_owner(push.spec().owner());
  reply->set_index(push.spec().index());
  reply->set_attempt(push.attempt());
  if (reply->returns_size() == 0) reply->add_returns();
  reply->mutable_returns(0)->assign("sixteen bytes ok");
  reply->set_start_ns(1'000'000'000);
  reply->set_finish_ns(1'000'000'500);
}

int64_t Meter::Clock(int which) {
  timespec now{};
  clock_gettime(which, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Meter::Meter(const Load& load)
    : load_(load),
      begin_(Clock(CLOCK_MONOTONIC)),
      end_(begin_ + static_cast<int64_t>(load.seconds * 1e9)),
      cpu_begin_(Clock(CLOCK_PROCESS_CPUTIME_ID)) {}

void Meter::Asked() {
  if (load_.window == 1) asked_at_ = Clock(CLOCK_MONOTONIC);
}

bool Meter::Answered() {
  ++answered_;
  if (load_.window > 1 && answered_ % 64 != 0) return true;
  const int64_t now = Clock(CLOCK_MONOTONIC);
  if (load_.window == 1) samples_.push_back(static_cast<uint32_t>(now - asked_at_));
  return now < end_;
}

Figures Meter::Finish() {
  const double seconds = static_cast<double>(Clock(CLOCK_MONOTONIC) - begin_) * 1e-9;
  Figures figures;
  figures.rate = static_cast<double>(answered_) / seconds;
  figures.client_cpu_ns =
      static_cast<double>(Clock(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin_) / static_cast<double>(answered_);
  if (samples_.empty()) return figures;
  const auto quantile = [&](double q) {
    const auto at = samples_.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(samples_.size() - 1));
    std::nth_element(samples_.begin(), at, samples_.end());
    return *at * 1e-3;
  };
  figures.p50_us = quantile(0.5);
  figures.p99_us = quantile(0.99);
  return figures;
}

}  // namespace orrery
