#include "sim/record/recorder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/common/random.h"
#include "runtime/env/actor_phase.h"

namespace orrery {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
const WorkerId kDriver = WorkerId::Of({1}, 1);

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

class RecorderTest : public testing::Test {
 protected:
  ~RecorderTest() override { std::filesystem::remove_all(folder); }
  void Submit(RunRecorder& recorder, uint64_t index, double at, double cpus = 1) {
    recorder.DescribeTask({{kDriver, index}, "work", {1}, cpus, 0, Time{Duration::FromSeconds(at).ns}});
  }
  void Finish(RunRecorder& recorder, uint64_t index, double start, double finish, StatusCode status = StatusCode::kOk) {
    const int64_t a = Duration::FromSeconds(start).ns, b = Duration::FromSeconds(finish).ns;
    recorder.OnTrace(Time{b}, {TraceKind::kTaskFinished,
                               {kDriver, index},
                               0,
                               {2},
                               WorkerId::Of({2}, 3),
                               a,
                               b,
                               static_cast<int64_t>(status),
                               "work"});
  }
  static RunFacts Facts(double end) {
    RunFacts facts;
    facts.world = "sim";
    facts.scenario = "test";
    facts.seed = 9;
    facts.digest = 0xabc;
    facts.end = Time{Duration::FromSeconds(end).ns};
    return facts;
  }
  // Two nodes of two CPUs; three tasks, the last of which fails after a retry.
  void Play(RunRecorder& recorder) {
    recorder.DescribeNode({{1}, "head-0", "head", 2, 0, 1 << 20, Time{0}});
    recorder.DescribeNode({{2}, "big, \"quoted\"", "big", 2, 1, 1 << 30, Time{0}});
    Submit(recorder, 1, 0, 2);
    Submit(recorder, 2, 1);
    Finish(recorder, 1, 0.5, 2.5);
    Submit(recorder, 3, 3);
    Finish(recorder, 2, 2.5, 4.5);
    recorder.OnTrace(Time{5 * kSecond}, {TraceKind::kTaskRetried, {kDriver, 3}, 0, {}, {}, 0, 0, 10, "worker died"});
    recorder.OnTrace(Time{5 * kSecond}, {TraceKind::kFaultFired, {}, 0, {2}, {}, 0, 0, 0, "kill_worker"});
    Finish(recorder, 3, 6, 8, StatusCode::kApplicationError);
    recorder.NodeLeft({1}, Time{6 * kSecond});
  }
  std::string folder = testing::TempDir() + "orrery-recorder-" + std::to_string(::getpid());
};

TEST_F(RecorderTest, CountsActorsAndSeesOneDoubled) {
  RunRecorder recorder;
  const auto state = [&](uint64_t actor, uint32_t worker, int64_t incarnation, ActorPhase phase) {
    recorder.OnTrace(Time{1}, {.kind = TraceKind::kActorState,
                               .task = {kDriver, actor},
                               .worker = WorkerId::Of({2}, worker),
                               .a = incarnation,
                               .b = static_cast<int64_t>(phase)});
  };
  state(1, 1, 0, ActorPhase::kPendingCreation);
  state(1, 1, 0, ActorPhase::kAlive);
  state(1, 1, 1, ActorPhase::kRestarting);
  state(1, 2, 1, ActorPhase::kAlive);
  state(1, 2, 2, ActorPhase::kRestarting);
  state(1, 3, 2, ActorPhase::kDead);
  state(2, 4, 0, ActorPhase::kPendingCreation);
  state(2, 4, 0, ActorPhase::kDead);
  RunRecorder doubled;
  doubled.OnTrace(Time{1},
                  {.kind = TraceKind::kActorState, .task = {kDriver, 1}, .worker = WorkerId::Of({2}, 1), .b = 3});
  doubled.OnTrace(Time{2},
                  {.kind = TraceKind::kActorState, .task = {kDriver, 1}, .worker = WorkerId::Of({3}, 1), .b = 3});
  const nlohmann::json one = nlohmann::json::parse(recorder.Finish(Facts(1)).ToJson());
  EXPECT_EQ(one["actors"],
            (nlohmann::json{{"created", 1}, {"restarted", 2}, {"dead", 2}, {"max_live_incarnations", 1}}));
  const nlohmann::json two = nlohmann::json::parse(doubled.Finish(Facts(1)).ToJson());
  EXPECT_EQ(two["actors"]["max_live_incarnations"], 2);
  RunRecorder none;
  EXPECT_FALSE(nlohmann::json::parse(none.Finish(Facts(1)).ToJson()).contains("actors"));
}

TEST_F(RecorderTest, AnActorsCreationWaitsUntilItsOwnerHearsOfIt) {
  RunRecorder recorder;
  recorder.DescribeTask({{kDriver, 1}, "actor", {1}, 1, 0, Time{kSecond}, true});
  recorder.OnTrace(Time{3 * kSecond}, {.kind = TraceKind::kTaskFinished, .task = {kDriver, 1}, .node = {2}});
  EXPECT_DOUBLE_EQ(nlohmann::json::parse(recorder.Finish(Facts(4)).ToJson())["wait_s"]["mean"].get<double>(), 2);
}

TEST_F(RecorderTest, TheFilesAreExactlyThese) {
  RunRecorder recorder;
  Play(recorder);
  recorder.Finish(Facts(10));
  ASSERT_TRUE(recorder.Write(folder).ok());
  EXPECT_EQ(ReadAll(folder + "/tasks.csv"),
            "task_id,name,job,attempts,node,worker,cpus,gpus,submit_time_s,start_time_s,finish_time_s,wait_time_s,"
            "run_time_s,turnaround_time_s,bounded_slowdown,status\n"
            "task-1.1.1,work,job-1,1,node-2,worker-2.3,2,0,0,0.5,2.5,0.5,2,2.5,1,Ok\n"
            "task-1.1.2,work,job-1,1,node-2,worker-2.3,1,0,1,2.5,4.5,1.5,2,3.5,1,Ok\n"
            "task-1.1.3,work,job-1,2,node-2,worker-2.3,1,0,3,6,8,3,2,5,1,ApplicationError\n");
  EXPECT_EQ(ReadAll(folder + "/nodes.csv"),
            "node_id,name,type,cpus,gpus,memory_bytes,join_time_s,leave_time_s,busy_cpu_seconds,utilization\n"
            "node-1,head-0,head,2,0,1048576,0,6,0,0\n"
            "node-2,\"big, \"\"quoted\"\"\",big,2,1,1073741824,0,,8,0.5\n");
  EXPECT_EQ(ReadAll(folder + "/faults.csv"), "time_s,fault,node,worker\n5,kill_worker,node-2,\n");
  for (const char* empty : {"actors", "objects", "transfers", "store", "autoscaler"}) {
    const std::string text = ReadAll(folder + "/" + empty + ".csv");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << empty;
  }
  const auto columns = nlohmann::json::parse(ReadAll(folder + "/columns.json"));
  EXPECT_EQ(columns["tasks.csv"]["wait_time_s"]["unit"], "s");
}

TEST_F(RecorderTest, TheSummaryHoldsTheFigures) {
  RunRecorder recorder;
  Play(recorder);
  EXPECT_EQ(recorder.submitted(), 3u);
  EXPECT_EQ(recorder.in_system(), 0u);
  RunFacts facts = Facts(10);
  facts.critical_path_s = 4;
  const Summary& summary = recorder.Finish(facts);
  EXPECT_EQ(summary.String("digest"), "0000000000000abc");
  EXPECT_EQ(summary.Number("tasks.submitted"), 3);
  EXPECT_EQ(summary.Number("tasks.finished"), 2);
  EXPECT_EQ(summary.Number("tasks.failed"), 1);
  EXPECT_EQ(summary.Number("tasks.retried"), 1);
  EXPECT_EQ(summary.Number("makespan_s"), 8);
  EXPECT_NEAR(*summary.Number("wait_s.mean"), 5.0 / 3, 1e-12);
  EXPECT_EQ(summary.Number("wait_s.p50"), 1.5);
  EXPECT_EQ(summary.Number("wait_s.max"), 3);
  EXPECT_NEAR(*summary.Number("turnaround_s.mean"), 11.0 / 3, 1e-12);
  // 8 CPU seconds of 2 CPUs for 8 s and 2 CPUs for 6 s.
  EXPECT_NEAR(*summary.Number("utilization"), 8.0 / 28, 1e-12);
  // In the system: 11 task seconds over 8 seconds.
  EXPECT_NEAR(*summary.Number("littles_law.l"), 11.0 / 8, 1e-12);
  EXPECT_NEAR(*summary.Number("littles_law.lambda"), 3.0 / 8, 1e-12);
  EXPECT_NEAR(*summary.Number("littles_law.error"), 0, 1e-12);
  EXPECT_EQ(summary.Number("bounds.critical_path_s"), 4);
  EXPECT_FALSE(summary.Number("bounds.work_s"));
  EXPECT_EQ(summary.Number("sim_seconds"), 10);
}

TEST_F(RecorderTest, ATaskThatNeverEndsBreaksLittlesLaw) {
  RunRecorder recorder;
  Play(recorder);
  Submit(recorder, 4, 8);
  Submit(recorder, 5, 20);
  const Summary& summary = recorder.Finish(Facts(30));
  EXPECT_GT(*summary.Number("littles_law.error"), 0.1);
  EXPECT_EQ(summary.Number("tasks.unfinished"), 2);
  ASSERT_TRUE(recorder.Write(folder).ok());
  EXPECT_NE(ReadAll(folder + "/tasks.csv").find("task-1.1.4,work,job-1,1,,,1,0,8,,,,,,,Unfinished\n"),
            std::string::npos);
}

TEST_F(RecorderTest, TheWarmUpIsLeftOutOfTheStatisticsOnly) {
  RecorderOptions options;
  options.warmup_tasks = 1;
  RunRecorder by_count(options);
  Play(by_count);
  const Summary& summary = by_count.Finish(Facts(10));
  EXPECT_EQ(summary.Number("tasks.submitted"), 3);
  EXPECT_EQ(summary.Number("tasks.counted"), 2);
  EXPECT_EQ(summary.Number("wait_s.mean"), 2.25);
  EXPECT_NEAR(*summary.Number("littles_law.error"), 0, 1e-12);
  EXPECT_EQ(summary.Number("makespan_s"), 8);

  options = {};
  options.warmup_until = Time{2 * kSecond};
  RunRecorder by_time(options);
  Play(by_time);
  EXPECT_EQ(by_time.Finish(Facts(10)).Number("wait_s.mean"), 3);
}

TEST_F(RecorderTest, ATaskThatFailsBeforeItRanHasNoTimes) {
  RunRecorder recorder;
  Submit(recorder, 1, 1);
  recorder.OnTrace(
      Time{2 * kSecond},
      {TraceKind::kTaskFinished, {kDriver, 1}, 0, {}, {}, 0, 0, static_cast<int64_t>(StatusCode::kInfeasible), "work"});
  const Summary& summary = recorder.Finish(Facts(3));
  EXPECT_EQ(summary.Number("tasks.failed"), 1);
  EXPECT_EQ(summary.Number("tasks.counted"), 0);
  ASSERT_TRUE(recorder.Write(folder).ok());
  EXPECT_NE(ReadAll(folder + "/tasks.csv").find("task-1.1.1,work,job-1,1,,,1,0,1,,,,,,,Infeasible\n"),
            std::string::npos);
}

TEST_F(RecorderTest, ASecondEndIsCountedButChangesNothing) {
  RunRecorder recorder;
  Submit(recorder, 1, 0);
  Finish(recorder, 1, 1, 2);
  Finish(recorder, 1, 3, 4, StatusCode::kWorkerDied);
  const Summary& summary = recorder.Finish(Facts(5));
  EXPECT_EQ(summary.Number("tasks.finished"), 1);
  EXPECT_EQ(summary.Number("tasks.failed"), 0);
  EXPECT_EQ(summary.Number("tasks.ended_twice"), 1);
}

TEST_F(RecorderTest, OnlyTheWantedFilesAreWritten) {
  RecorderOptions options;
  options.outputs = {"nodes"};
  RunRecorder recorder(options);
  Play(recorder);
  recorder.Finish(Facts(10));
  ASSERT_TRUE(recorder.Write(folder).ok());
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  EXPECT_EQ(files, (std::vector<std::string>{"columns.json", "nodes.csv", "summary.json"}));
}

TEST_F(RecorderTest, TheTimelineIsChromesFormatAndCapped) {
  RecorderOptions options;
  options.max_timeline_spans = 2;
  RunRecorder recorder(options);
  Play(recorder);
  recorder.Finish(Facts(10));
  ASSERT_TRUE(recorder.Write(folder).ok());
  const auto timeline = nlohmann::json::parse(ReadAll(folder + "/timeline.json"));
  EXPECT_EQ(timeline["otherData"]["note"], "the first 2 of 3 tasks that ran, by submission");
  int spans = 0, names = 0, marks = 0;
  for (const auto& event : timeline["traceEvents"]) {
    spans += event["ph"] == "X";
    names += event["ph"] == "M";
    marks += event["ph"] == "i";
    if (event["ph"] != "X" || event["args"]["task"] != "task-1.1.1") continue;
    EXPECT_EQ(event["ts"], 500'000.0);
    EXPECT_EQ(event["dur"], 2'000'000.0);
    EXPECT_EQ(event["pid"], 2);
    EXPECT_EQ(event["tid"], 3);
  }
  EXPECT_EQ(spans, 2);
  EXPECT_EQ(names, 3);
  EXPECT_EQ(marks, 1);
}

TEST_F(RecorderTest, EventsAreStreamedWhenAskedFor) {
  std::filesystem::create_directories(folder);
  RecorderOptions options;
  options.events_path = folder + "/events.jsonl";
  RunRecorder recorder(options);
  Play(recorder);
  recorder.Finish(Facts(10));
  ASSERT_TRUE(recorder.Write(folder).ok());
  std::ifstream in(folder + "/events.jsonl");
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    EXPECT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded()) << line;
  }
  EXPECT_EQ(lines, 5);
}

TEST_F(RecorderTest, WhatCannotBeWrittenIsSaid) {
  RecorderOptions options;
  options.events_path = "/nonexistent-folder/events.jsonl";
  RunRecorder recorder(options);
  recorder.Finish(Facts(1));
  EXPECT_NE(recorder.Write(folder).message().find("/nonexistent-folder/events.jsonl"), std::string::npos);
  RunRecorder other;
  other.Finish(Facts(1));
  EXPECT_EQ(other.Write("/proc/nothing-can-be-made-here").code(), StatusCode::kUnavailable);
}

TEST_F(RecorderTest, EqualRunsWriteEqualBytesAndAMillionTasksStaySmall) {
  std::string first;
  for (int run = 0; run < 2; ++run) {
    RunRecorder recorder;
    Random random(3);
    for (uint64_t i = 1; i <= 20'000; ++i) {
      const double at = static_cast<double>(i) * 0.001, wait = random.Exponential(0.01);
      Submit(recorder, i, at);
      Finish(recorder, i, at + wait, at + wait + random.Exponential(1));
    }
    recorder.Finish(Facts(30));
    ASSERT_TRUE(recorder.Write(folder).ok());
    const std::string text = ReadAll(folder + "/tasks.csv") + ReadAll(folder + "/summary.json");
    if (run == 0) first = text;
    EXPECT_EQ(text, first);
  }
  RunRecorder large;
  for (uint64_t i = 1; i <= 1'000'000; ++i) Submit(large, i, 0);
  EXPECT_LT(large.MemoryBytes(), 250'000'000u);
}

}  // namespace
}  // namespace orrery
