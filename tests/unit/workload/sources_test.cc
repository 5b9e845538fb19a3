// Every kind of workload source against a port that keeps time by hand.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>
#include <variant>

#include "sim/workload/source.h"

namespace orrery {
namespace {

// Runs a source: wake-ups in order of time; each task ends `service` after its submission.
class Bench final : public WorkloadPort {
 public:
  explicit Bench(Duration service = Duration::Seconds(1)) : service_(service) {}
  Duration Elapsed() const override { return now_; }
  void Submit(PlannedTask task) override {
    submitted_at.push_back(now_);
    ends_.emplace(now_ + service_, task.number);
    in_system = std::max(in_system, ends_.size());
    tasks.push_back(std::move(task));
  }
  void Release(uint64_t number, uint32_t) override { released.emplace_back(number, now_); }
  void CreateGroup(const PlannedGroup& group) override {
    created.push_back(group);
    made_.push_back(group.number);
  }
  void RemoveGroup(uint64_t number) override { removed.emplace_back(number, now_); }
  void KillActor(uint64_t number) override { killed.emplace_back(number, now_); }
  void WakeAt(Duration when, uint64_t id) override { wakes_.emplace(std::max(when, now_), id); }

  void Run(WorkloadSource& source) {
    source.Begin(*this);
    while (!wakes_.empty() || !ends_.empty()) {
      const bool wake = !wakes_.empty() && (ends_.empty() || wakes_.begin()->first <= ends_.begin()->first);
      auto& queue = wake ? wakes_ : ends_;
      const auto [when, id] = *queue.begin();
      queue.erase(queue.begin());
      now_ = when;
      if (wake)
        source.OnWake(*this, id);
      else
        source.OnTaskEnded(*this, id);
      for (uint64_t group : std::exchange(made_, {})) source.OnGroupMade(*this, group);
    }
    EXPECT_TRUE(source.Exhausted());
  }

  std::vector<PlannedTask> tasks;
  std::vector<Duration> submitted_at;
  size_t in_system = 0;
  std::vector<PlannedGroup> created;
  std::vector<std::pair<uint64_t, Duration>> removed, released, killed;

 private:
  Duration service_;
  Duration now_;
  std::multimap<Duration, uint64_t> wakes_, ends_;
  std::vector<uint64_t> made_;
};

std::unique_ptr<WorkloadSource> Make(decltype(SourceSpec::what) what, uint64_t seed = 1) {
  return std::move(MakeSource({"source", std::move(what)}, Random(seed)).value());
}

GeneratorSpec Generator(GeneratorSpec::Kind kind, int64_t count) {
  GeneratorSpec spec;
  spec.kind = kind;
  spec.count = count;
  spec.task.duration = Distribution::Deterministic(1);
  return spec;
}

TEST(OpenSource, ArrivesAtTheRateAndStopsAtTheCount) {
  GeneratorSpec spec = Generator(GeneratorSpec::Kind::kOpen, 20'000);
  spec.interarrival = Distribution::Exponential(0.5);
  Bench bench;
  auto source = Make(spec);
  bench.Run(*source);
  ASSERT_EQ(bench.tasks.size(), 20'000u);
  EXPECT_NEAR(bench.submitted_at.back().seconds() / 20'000, 0.5, 0.02);
  for (size_t i = 0; i < bench.tasks.size(); ++i) EXPECT_EQ(bench.tasks[i].number, i);
}

TEST(OpenSource, StopsAtUntil) {
  GeneratorSpec spec = Generator(GeneratorSpec::Kind::kOpen, 0);
  spec.interarrival = Distribution::Deterministic(1);
  spec.until = Duration::Seconds(10);
  Bench bench;
  bench.Run(*Make(spec));
  EXPECT_EQ(bench.tasks.size(), 9u);  // at 1 … 9 s; not at 10 s or after
}

TEST(OpenSource, DurationsDoNotShiftArrivals) {
  GeneratorSpec spec = Generator(GeneratorSpec::Kind::kOpen, 100);
  spec.interarrival = Distribution::Exponential(1);
  Bench fixed, drawn;
  fixed.Run(*Make(spec));
  spec.task.duration = Distribution::Exponential(1);
  drawn.Run(*Make(spec));
  EXPECT_EQ(fixed.submitted_at, drawn.submitted_at);
}

TEST(ClosedSource, KeepsAsManyInTheSystemAsThereAreClients) {
  GeneratorSpec spec = Generator(GeneratorSpec::Kind::kClosed, 100);
  spec.clients = 7;
  spec.think_time = Distribution::Deterministic(0);
  Bench bench;
  bench.Run(*Make(spec));
  EXPECT_EQ(bench.tasks.size(), 100u);
  EXPECT_EQ(bench.in_system, 7u);
}

TEST(BurstSource, SubmitsTogetherAndAgain) {
  GeneratorSpec spec = Generator(GeneratorSpec::Kind::kBurst, 9);
  spec.size = 3;
  spec.at = Duration::Seconds(2);
  spec.every = Duration::Seconds(10);
  Bench bench;
  bench.Run(*Make(spec));
  const auto s = [](int64_t n) { return Duration::Seconds(n); };
  EXPECT_EQ(bench.submitted_at, (std::vector<Duration>{s(2), s(2), s(2), s(12), s(12), s(12), s(22), s(22), s(22)}));
}

TEST(ForkJoinSource, WaitsForAStageBeforeTheNext) {
  GeneratorSpec spec = Generator(GeneratorSpec::Kind::kForkJoin, 12);
  spec.width = 4;
  spec.stages = 3;
  Bench bench;
  bench.Run(*Make(spec));
  ASSERT_EQ(bench.tasks.size(), 12u);
  EXPECT_EQ(bench.in_system, 4u);
  EXPECT_EQ(bench.submitted_at[4], Duration::Seconds(1));
  EXPECT_EQ(bench.submitted_at[11], Duration::Seconds(2));
}

TEST(GroupsSource, FillsEachGroupWithATaskPerBundleAndRemovesIt) {
  GroupsSpec spec;
  spec.groups = 3;
  spec.bundles = 2;
  spec.strategy = BundleStrategy::kSpread;
  spec.task.duration = Distribution::Deterministic(1);
  spec.task.resources = ResourceSet::Cpu(2);
  spec.every = Duration::Seconds(5);
  Bench bench;
  auto source = Make(spec);
  bench.Run(*source);
  EXPECT_EQ(source->Total(), 6u);
  ASSERT_EQ(bench.created.size(), 3u);
  EXPECT_EQ(bench.created[1].bundles, std::vector<ResourceSet>(2, ResourceSet::Cpu(2)));
  EXPECT_EQ(bench.created[1].strategy, BundleStrategy::kSpread);
  ASSERT_EQ(bench.tasks.size(), 6u);
  EXPECT_EQ(bench.tasks[3].strategy.group.index, 1u);
  EXPECT_EQ(bench.tasks[3].strategy.bundle, 1);
  EXPECT_EQ(bench.submitted_at[4], Duration::Seconds(10));
  EXPECT_EQ(bench.removed, (std::vector<std::pair<uint64_t, Duration>>{
                               {0, Duration::Seconds(1)}, {1, Duration::Seconds(6)}, {2, Duration::Seconds(11)}}));
}

ActorsSpec Actors(int64_t actors, int64_t calls, int64_t in_flight) {
  ActorsSpec spec;
  spec.actors = actors;
  spec.calls = calls;
  spec.in_flight = in_flight;
  spec.actor.resources = ResourceSet::Cpu(1);
  spec.max_restarts = 3;
  spec.max_task_retries = 2;
  spec.every = Duration::Seconds(10);
  return spec;
}

TEST(ActorsSource, CallsEachActorSoManyAtOnceAndThenLetsGoOfIt) {
  Bench bench;
  auto source = Make(Actors(2, 5, 2));
  bench.Run(*source);
  EXPECT_EQ(source->Total(), 12u);
  ASSERT_EQ(bench.tasks.size(), 12u);
  const PlannedTask& creation = bench.tasks[6];
  ASSERT_TRUE(creation.actor);
  EXPECT_EQ(creation.number, 6u);
  EXPECT_EQ(creation.actor->max_restarts, 3);
  EXPECT_EQ(creation.results, std::vector<int64_t>(1, 0)) << "the handle";
  EXPECT_EQ(creation.max_retries, 0);
  EXPECT_EQ(creation.resources, ResourceSet::Cpu(1));
  for (size_t i = 7; i < 12; ++i) {
    EXPECT_EQ(bench.tasks[i].callee, 6u);
    EXPECT_FALSE(bench.tasks[i].actor);
    EXPECT_EQ(bench.tasks[i].max_retries, 2);
    EXPECT_EQ(bench.tasks[i].number, i);
  }
  EXPECT_EQ(bench.in_system, 3u) << "two calls beside the creation";
  // Calls 1 and 2 at 0 s, 3 and 4 at 1 s, 5 at 2 s; each takes a second.
  EXPECT_EQ(bench.submitted_at[5], Duration::Seconds(2));
  EXPECT_EQ(bench.released,
            (std::vector<std::pair<uint64_t, Duration>>{{0, Duration::Seconds(3)}, {6, Duration::Seconds(13)}}));
  EXPECT_TRUE(bench.killed.empty());
}

TEST(ActorsSource, KillsBeforeItLetsGoWhenAskedTo) {
  ActorsSpec spec = Actors(3, 1, 4);
  spec.end = ActorsSpec::End::kKill;
  spec.every = {};
  Bench bench;
  bench.Run(*Make(spec));
  EXPECT_EQ(bench.tasks.size(), 6u) << "never more calls than there are";
  EXPECT_EQ(bench.submitted_at[5], Duration()) << "all at once";
  const std::vector<std::pair<uint64_t, Duration>> ends{
      {0, Duration::Seconds(1)}, {2, Duration::Seconds(1)}, {4, Duration::Seconds(1)}};
  EXPECT_EQ(bench.killed, ends);
  EXPECT_EQ(bench.released, ends);
}

DagSpec Dag(std::vector<std::vector<int64_t>> after, std::vector<int64_t> order) {
  DagSpec spec;
  for (size_t i = 0; i < after.size(); ++i) {
    TaskSpec task;
    task.name = "t" + std::to_string(i);
    task.duration = Distribution::Deterministic(static_cast<double>(i + 1));
    spec.tasks.push_back({task, after[i]});
  }
  spec.order = std::move(order);
  return spec;
}

TEST(DagSource, SubmitsInListOrderButNeverBeforeAnArgument) {
  Bench bench;
  auto source = Make(Dag({{}, {0}, {1}}, {2, 1, 0}));
  bench.Run(*source);
  std::vector<uint64_t> order;
  for (const PlannedTask& task : bench.tasks) order.push_back(task.number);
  EXPECT_EQ(order, (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_EQ(bench.tasks[2].inputs, (std::vector<TaskInput>{{1, 0, 0}}));
  EXPECT_FALSE(source->MakesObjects());
  EXPECT_EQ(source->Bounds()->critical_path, Duration::Seconds(6));
  EXPECT_EQ(source->Bounds()->work, Duration::Seconds(6));
}

TEST(DagSource, RefusesACycleWithItsPath) {
  auto source = MakeSource({"dag", Dag({{1}, {0}}, {0, 1})}, Random(1));
  ASSERT_FALSE(source.ok());
  EXPECT_NE(source.status().message().find("t0 -> t1 -> t0"), std::string::npos) << source.status().message();
}

}  // namespace
}  // namespace orrery
