// What daemons trace of objects, written as lines and read back.
#include "sim/replay/daemon_traces.h"

#include <gtest/gtest.h>

#include <fstream>

#include "runtime/messages/trace_text.h"

namespace orrery {
namespace {

std::string LineOf(int64_t when, const TraceEvent& event) {
  std::string line;
  AppendTraceLine(line, when, 0, event);
  return line + "\n";
}

const TraceEvent kCopied{.kind = TraceKind::kObjectCopied,
                         .task = {WorkerId::Of(NodeId{3}, 4), 5},
                         .node = NodeId{6},
                         .a = int64_t{1} << 40,
                         .b = 7,
                         .c = 8,
                         .text = "not kept"};

TEST(DaemonTraces, EventsOfObjectsComeBack) {
  const TraceFolder folder;
  std::ofstream(folder.path() + "/node_manager-1.jsonl")
      << LineOf(100, {.kind = TraceKind::kWorkerExited, .worker = WorkerId::Of(NodeId{1}, 2)}) << LineOf(200, kCopied);
  std::ofstream(folder.path() + "/other.txt") << "no trace\n";
  auto events = ReadObjectEvents(folder.path());
  ASSERT_TRUE(events.ok()) << events.status().message();
  ASSERT_EQ(events->size(), 1U);
  const TimedEvent& timed = events->front();
  EXPECT_EQ(timed.when.ns, 200);
  EXPECT_EQ(timed.event.kind, kCopied.kind);
  EXPECT_EQ(timed.event.task, kCopied.task);
  EXPECT_EQ(timed.event.node, kCopied.node);
  EXPECT_EQ(timed.event.a, kCopied.a);
  EXPECT_EQ(timed.event.b, kCopied.b);
  EXPECT_EQ(timed.event.c, kCopied.c);
  EXPECT_TRUE(timed.event.text.empty());
}

TEST(DaemonTraces, AKilledDaemonsLastLineMayBreakOff) {
  const TraceFolder folder;
  const std::string line = LineOf(200, kCopied);
  for (size_t cut = 0; cut < line.size(); ++cut) {
    std::ofstream(folder.path() + "/node_manager-1.jsonl") << line << line.substr(0, cut);
    auto events = ReadObjectEvents(folder.path());
    ASSERT_TRUE(events.ok()) << events.status().message();
    EXPECT_EQ(events->size(), cut + 1 == line.size() ? 2U : 1U) << cut;
  }
}

TEST(DaemonTraces, AnotherLineThatBreaksOffIsAnError) {
  const TraceFolder folder;
  std::ofstream(folder.path() + "/node_manager-1.jsonl") << "{\"t\":1,\n" << LineOf(200, kCopied);
  auto events = ReadObjectEvents(folder.path());
  ASSERT_FALSE(events.ok());
  EXPECT_NE(events.status().message().find("node_manager-1.jsonl:1"), std::string::npos) << events.status().message();
}

TEST(DaemonTraces, TheFolderGoes) {
  std::string path;
  {
    const TraceFolder folder;
    path = folder.path();
    std::ofstream(path + "/file") << "x";
  }
  EXPECT_FALSE(std::ifstream(path + "/file").good());
}

}  // namespace
}  // namespace orrery
