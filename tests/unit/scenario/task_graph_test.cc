#include "sim/scenario/task_graph.h"

#include <gtest/gtest.h>

namespace orrery {
namespace {

std::vector<Duration> Seconds(std::initializer_list<int64_t> seconds) {
  std::vector<Duration> durations;
  for (const int64_t s : seconds) durations.push_back(Duration::Seconds(s));
  return durations;
}

// Graham's nine tasks.
TaskGraph Graham() {
  return TaskGraph::Build({"T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9"},
                          {{0, 8}, {3, 4}, {3, 5}, {3, 6}, {3, 7}})
      .value();
}
const std::vector<Duration> kGraham = Seconds({3, 2, 2, 2, 4, 4, 4, 4, 9});

TEST(TaskGraph, CriticalPathAndWorkBoundOfGrahamsTasks) {
  const TaskGraph::CriticalPath path = Graham().FindCriticalPath(kGraham);
  EXPECT_EQ(path.length, Duration::Seconds(12));
  EXPECT_EQ(path.tasks, (std::vector<int64_t>{0, 8}));
  EXPECT_EQ(TaskGraph::WorkBound(kGraham, 3), Duration{11'333'333'334});
  EXPECT_EQ(TaskGraph::WorkBound(kGraham, 4), Duration::Millis(8500));
}

TEST(TaskGraph, TopologicalOrderKeepsTheFilesOrderWherePossible) {
  const auto graph = TaskGraph::Build({"a", "b", "c", "d"}, {{3, 0}, {2, 1}});
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph.value().TopologicalOrder(), (std::vector<int64_t>{2, 1, 3, 0}));
}

TEST(TaskGraph, ACycleIsReportedWithItsPath) {
  const auto graph = TaskGraph::Build({"start", "a", "b", "c", "end"}, {{0, 1}, {1, 2}, {2, 3}, {3, 1}, {3, 4}});
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(graph.status().message(), "the tasks wait for each other: a -> b -> c -> a");
  EXPECT_EQ(TaskGraph::Build({"a"}, {{0, 0}}).status().message(), "the tasks wait for each other: a -> a");
}

TEST(TaskGraph, EdgesMustNameTasks) {
  EXPECT_FALSE(TaskGraph::Build({"a"}, {{0, 1}}).ok());
  EXPECT_FALSE(TaskGraph::Build({"a"}, {{-1, 0}}).ok());
}

TEST(TaskGraph, RepeatedEdgesAndEmptyGraphs) {
  EXPECT_TRUE(TaskGraph::Build({"a", "b"}, {{0, 1}, {0, 1}}).ok());
  const auto empty = TaskGraph::Build({}, {});
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(empty.value().FindCriticalPath({}).length, Duration{});
}

TEST(TaskGraph, ZeroDurationsStillMakeAPath) {
  const auto graph = TaskGraph::Build({"a", "b", "c"}, {{0, 1}, {1, 2}});
  const auto path = graph.value().FindCriticalPath(Seconds({0, 0, 5}));
  EXPECT_EQ(path.length, Duration::Seconds(5));
  EXPECT_EQ(path.tasks, (std::vector<int64_t>{0, 1, 2}));
}

TEST(TaskGraph, ALongChainNeedsNoDeepStack) {
  constexpr int64_t kTasks = 500'000;
  std::vector<std::string> names(kTasks, "t");
  std::vector<TaskGraph::Edge> edges;
  for (int64_t i = 1; i < kTasks; ++i) edges.push_back({i - 1, i});
  const auto graph = TaskGraph::Build(names, edges);
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph.value().FindCriticalPath(std::vector<Duration>(kTasks, Duration{1})).length, Duration{kTasks});
  edges.push_back({kTasks - 1, 0});
  EXPECT_FALSE(TaskGraph::Build(std::move(names), edges).ok());
}

TEST(TaskGraph, Graphviz) {
  const auto graph = TaskGraph::Build({"load", "say \"hi\""}, {{0, 1}});
  EXPECT_EQ(graph.value().ToGraphviz(), "digraph G {\n0[label=load];\n1[label=\"say \\\"hi\\\"\"];\n0->1 ;\n}\n");
  EXPECT_NE(graph.value().ToGraphviz(Seconds({2, 1})).find("2s"), std::string::npos);
}

}  // namespace
}  // namespace orrery
