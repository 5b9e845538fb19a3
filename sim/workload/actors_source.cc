#include "sim/workload/actors_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sim/workload/generator_source.h"

namespace orrery {

namespace {

// Of each actor, calls + 1 numbers in a row: its creation, then its calls.
class ActorsSource final : public WorkloadSource {
 public:
  ActorsSource(const ActorsSpec& spec, Random random)
      : spec_(spec), random_(random), actors_(static_cast<size_t>(spec.actors)) {}

  void Begin(WorkloadPort& port) override { port.WakeAt(spec_.at, 0); }

  // Wakes for one actor after the other; without `every` for all at once. The first calls do not wait for the
  // constructor: they are in line when it returns.
  void OnWake(WorkloadPort& port, uint64_t actor) override {
    const uint64_t end = spec_.every.ns == 0 ? actors_.size() : actor + 1;
    for (; actor < end; ++actor) {
      PlannedTask creation = PlanFrom(spec_.actor, Creation(actor), random_);
      creation.actor = PlannedActor{spec_.max_restarts, spec_.max_concurrency};
      creation.results = {0};
      creation.max_retries = 0;
      Submit(port, std::move(creation));
      for (int64_t i = std::min(spec_.in_flight, spec_.calls); i > 0; --i) Call(port, actor);
    }
    if (actor < actors_.size()) port.WakeAt(spec_.at + spec_.every * static_cast<int64_t>(actor), actor);
  }

  void OnTaskEnded(WorkloadPort& port, uint64_t number) override {
    const uint64_t actor = number / PerActor();
    if (number == Creation(actor)) return;
    Progress& progress = actors_[actor];
    if (progress.called < spec_.calls) Call(port, actor);
    if (++progress.ended < spec_.calls) return;
    if (spec_.end == ActorsSpec::End::kKill) port.KillActor(Creation(actor));
    port.Release(Creation(actor), 0);
  }

  bool MakesActors() const override { return true; }
  bool Exhausted() const override { return submitted_ == *Total(); }
  std::optional<uint64_t> Total() const override { return actors_.size() * PerActor(); }

 private:
  struct Progress {
    int64_t called = 0;
    int64_t ended = 0;
  };
  uint64_t PerActor() const { return static_cast<uint64_t>(spec_.calls) + 1; }
  uint64_t Creation(uint64_t actor) const { return actor * PerActor(); }

  void Call(WorkloadPort& port, uint64_t actor) {
    const auto place = static_cast<uint64_t>(++actors_[actor].called);
    PlannedTask call = PlanFrom(spec_.call, Creation(actor) + place, random_);
    call.callee = Creation(actor);
    call.max_retries = spec_.max_task_retries;
    Submit(port, std::move(call));
  }
  void Submit(WorkloadPort& port, PlannedTask task) {
    ++submitted_;
    port.Submit(std::move(task));
  }

  const ActorsSpec spec_;
  Random random_;
  std::vector<Progress> actors_;
  uint64_t submitted_ = 0;
};

}  // namespace

std::unique_ptr<WorkloadSource> MakeActorsSource(const ActorsSpec& spec, Random random) {
  return std::make_unique<ActorsSource>(spec, random);
}

}  // namespace orrery
