#include "sim/workload/generator_source.h"

#include <algorithm>
#include <utility>

namespace orrery {

PlannedTask PlanFrom(const TaskSpec& spec, uint64_t number, Random& random) {
  PlannedTask task;
  task.number = number;
  task.name = spec.name;
  task.work = Duration::FromSeconds(Sample(spec.duration, random));
  task.resources = spec.resources;
  task.strategy = spec.strategy;
  task.max_retries = spec.max_retries;
  task.kind = spec.work;
  task.allocate_bytes = spec.allocate_bytes;
  task.results = spec.outputs;
  return task;
}

namespace {

// What the kinds share: numbering, the bounds on count and time.
class GeneratorSource : public WorkloadSource {
 public:
  GeneratorSource(const GeneratorSpec& spec, Random random) : spec_(spec), arrivals_(random), work_(random.Next()) {}
  bool Exhausted() const override { return done_; }
  std::optional<uint64_t> Total() const override {
    return spec_.count > 0 ? std::optional<uint64_t>(spec_.count) : std::nullopt;
  }
  bool MakesObjects() const final { return !spec_.task.outputs.empty(); }
  // Nobody takes what these tasks make.
  void OnTaskEnded(WorkloadPort& port, uint64_t number) final {
    for (uint32_t i = 0; i < spec_.task.outputs.size(); ++i) port.Release(number, i);
    OneEnded(port);
  }

 protected:
  virtual void OneEnded(WorkloadPort&) {}
  // False, and exhausted, when the bounds are reached.
  bool SubmitOne(WorkloadPort& port) {
    if (spec_.count > 0 && static_cast<int64_t>(submitted_) >= spec_.count) done_ = true;
    if (spec_.until.ns > 0 && port.Elapsed() >= spec_.until) done_ = true;
    if (done_) return false;
    port.Submit(PlanFrom(spec_.task, submitted_++, work_));
    if (spec_.count > 0 && static_cast<int64_t>(submitted_) >= spec_.count) done_ = true;
    return true;
  }
  const GeneratorSpec spec_;
  Random arrivals_;  // separate streams: another duration distribution leaves the arrivals as they were
  Random work_;
  uint64_t submitted_ = 0;
  bool done_ = false;
};

class OpenSource final : public GeneratorSource {
 public:
  using GeneratorSource::GeneratorSource;
  void Begin(WorkloadPort& port) override {
    next_ = spec_.at + Duration::FromSeconds(Sample(spec_.interarrival, arrivals_));
    port.WakeAt(next_, 0);
  }
  void OnWake(WorkloadPort& port, uint64_t) override {
    if (!SubmitOne(port) || done_) return;
    next_ = next_ + Duration::FromSeconds(Sample(spec_.interarrival, arrivals_));
    port.WakeAt(next_, 0);
  }

 private:
  Duration next_;
};

class ClosedSource final : public GeneratorSource {
 public:
  using GeneratorSource::GeneratorSource;
  void Begin(WorkloadPort& port) override {
    for (int64_t client = 0; client < spec_.clients; ++client) port.WakeAt(spec_.at, 0);
  }
  void OnWake(WorkloadPort& port, uint64_t) override { SubmitOne(port); }
  void OneEnded(WorkloadPort& port) override {
    if (!done_) port.WakeAt(port.Elapsed() + Duration::FromSeconds(Sample(spec_.think_time, arrivals_)), 0);
  }
};

class BurstSource final : public GeneratorSource {
 public:
  using GeneratorSource::GeneratorSource;
  void Begin(WorkloadPort& port) override { port.WakeAt(spec_.at, 0); }
  void OnWake(WorkloadPort& port, uint64_t burst) override {
    for (int64_t i = 0; i < spec_.size && SubmitOne(port); ++i) {
    }
    if (spec_.every.ns == 0) done_ = true;
    if (!done_) port.WakeAt(spec_.at + spec_.every * static_cast<int64_t>(burst + 1), burst + 1);
  }
};

class ForkJoinSource final : public GeneratorSource {
 public:
  using GeneratorSource::GeneratorSource;
  void Begin(WorkloadPort& port) override { port.WakeAt(spec_.at, 0); }
  void OnWake(WorkloadPort& port, uint64_t) override { Fork(port); }
  void OneEnded(WorkloadPort& port) override {
    if (--waiting_ == 0 && !done_) Fork(port);
  }
  std::optional<uint64_t> Total() const override { return static_cast<uint64_t>(spec_.width * spec_.stages); }

 private:
  void Fork(WorkloadPort& port) {
    if (++stage_ == spec_.stages) last_ = true;
    waiting_ = spec_.width;
    for (int64_t i = 0; i < spec_.width; ++i) SubmitOne(port);
    if (last_) done_ = true;
  }
  int64_t stage_ = 0;
  int64_t waiting_ = 0;
  bool last_ = false;
};

}  // namespace

Result<std::unique_ptr<WorkloadSource>> MakeGeneratorSource(const GeneratorSpec& spec, Random random) {
  std::unique_ptr<WorkloadSource> source;
  switch (spec.kind) {
    case GeneratorSpec::Kind::kOpen: source = std::make_unique<OpenSource>(spec, random); break;
    case GeneratorSpec::Kind::kClosed: source = std::make_unique<ClosedSource>(spec, random); break;
    case GeneratorSpec::Kind::kBurst: source = std::make_unique<BurstSource>(spec, random); break;
    case GeneratorSpec::Kind::kForkJoin: source = std::make_unique<ForkJoinSource>(spec, random); break;
  }
  return source;
}

}  // namespace orrery
