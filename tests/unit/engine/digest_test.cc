#include "sim/engine/digest.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <set>

#include "sim/engine/event_log.h"

namespace orrery {
namespace {

std::string TempPath(const std::string& name) { return testing::TempDir() + "orrery-digest-test-" + name; }

TEST(Digest, DependsOnEveryWordAndOnTheOrder) {
  std::set<uint64_t> seen;
  const auto one = [&seen](uint64_t seed, int64_t t, uint64_t a, uint64_t b, uint64_t c) {
    Digest digest(seed);
    digest.AddEvent(t, a, b, c);
    seen.insert(digest.value());
  };
  one(1, 2, 3, 4, 5);
  one(2, 2, 3, 4, 5);
  one(1, 3, 3, 4, 5);
  one(1, 2, 4, 4, 5);
  one(1, 2, 3, 5, 5);
  one(1, 2, 3, 4, 6);
  Digest forward(1), backward(1);
  forward.AddEvent(1, 1, 1, 1);
  forward.AddEvent(1, 2, 1, 1);
  backward.AddEvent(1, 2, 1, 1);
  backward.AddEvent(1, 1, 1, 1);
  seen.insert(forward.value());
  seen.insert(backward.value());
  EXPECT_EQ(seen.size(), 8u);
}

TEST(Digest, DependsOnEveryFieldOfATraceEvent) {
  const TraceEvent base{TraceKind::kTaskFinished, {{5}, 6}, 1, {2}, {3}, 7, 8, 9, "name"};
  std::vector<TraceEvent> variants(10, base);
  variants[1].kind = TraceKind::kTaskRetried;
  variants[2].task.owner.value = 50;
  variants[3].task.index = 60;
  variants[4].attempt = 2;
  variants[5].node.value = 20;
  variants[6].worker.value = 30;
  variants[7].a = variants[8].b = 70;
  variants[9].text = "nome";
  variants.push_back(base);
  variants.back().c = 90;
  std::set<uint64_t> seen;
  for (const TraceEvent& event : variants) {
    Digest digest;
    digest.AddTrace(10, 17, event);
    seen.insert(digest.value());
  }
  EXPECT_EQ(seen.size(), variants.size());
}

TEST(Digest, CheckpointsTellTheIntervalOfTheFirstDifference) {
  Digest a(1, 4), b(1, 4);
  for (int i = 0; i < 100; ++i) {
    a.AddEvent(i, 1, 2, 3);
    b.AddEvent(i, 1, 2, i == 37 ? 4 : 3);
  }
  EXPECT_EQ(a.checkpoints().size(), 6u);
  EXPECT_EQ(Digest::FirstDifferentCheckpoint(a, a), -1);
  EXPECT_EQ(Digest::FirstDifferentCheckpoint(a, b), 2);  // events 32 … 47
}

TEST(EventLog, WritesOneJsonObjectPerLine) {
  const std::string path = TempPath("log");
  Result<EventLog> log = EventLog::Open(path);
  ASSERT_TRUE(log.ok());
  log->OnSpawn(0, 16, "gcs \"0\"", {(uint64_t{3} << 16) | 17, 16});
  log->OnMessage(1500, 16, 18, MessageKind::kHealthCheck, 4);
  log->OnTimer(2000, 16, TimerKind::kLeaseExpiry, 9);
  log->OnTrace(2000, 16,
               {TraceKind::kTaskRetried, {WorkerId::Of({1}, 2), 3}, 1, {4}, WorkerId::Of({4}, 5), -1, 0, 2, "a\n\xff"});
  ASSERT_TRUE(log->Close().ok());
  std::ifstream in(path);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(text,
            "{\"t\":0,\"e\":\"spawn\",\"p\":16,\"name\":\"gcs \\\"0\\\"\",\"host\":3,\"slot\":17}\n"
            "{\"t\":1500,\"e\":\"message\",\"p\":16,\"from\":18,\"kind\":\"HealthCheck\",\"size\":4}\n"
            "{\"t\":2000,\"e\":\"timer\",\"p\":16,\"kind\":\"LeaseExpiry\",\"id\":9}\n"
            "{\"t\":2000,\"e\":\"trace\",\"p\":16,\"kind\":\"TaskRetried\",\"id\":\"1.2.3\",\"attempt\":1,\"node\":4,"
            "\"worker\":\"4.5\",\"a\":-1,\"c\":2,\"text\":\"a\\u000a\\ufffd\"}\n");
  std::remove(path.c_str());
}

TEST(EventLog, AnUnwritablePathIsAnError) {
  const Result<EventLog> log = EventLog::Open("/nonexistent-folder/events.jsonl");
  ASSERT_FALSE(log.ok());
  EXPECT_NE(log.status().message().find("/nonexistent-folder/events.jsonl"), std::string::npos);
}

TEST(FirstDifference, ShowsTheLinesWithContext) {
  const std::string a = TempPath("a"), b = TempPath("b");
  std::ofstream(a) << "one\ntwo\nthree\nfour\nfive\n";
  std::ofstream(b) << "one\ntwo\nthree\n4\nfive\n";
  Result<LogDifference> difference = FindFirstDifference(a, b, 2);
  ASSERT_TRUE(difference.ok());
  EXPECT_FALSE(difference->equal);
  EXPECT_EQ(difference->line, 4u);
  EXPECT_EQ(difference->ToString(), "first difference in line 4\n  two\n  three\n- four\n+ 4\n");
  EXPECT_TRUE(FindFirstDifference(a, a)->equal);
  std::ofstream(b) << "one\ntwo\nthree\nfour\n";
  difference = FindFirstDifference(a, b, 1);
  EXPECT_EQ(difference->line, 5u);
  EXPECT_EQ(difference->ToString(), "first difference in line 5\n  four\n- five\n+ (end of file)\n");
  EXPECT_EQ(FindFirstDifference(a, TempPath("absent")).status().code(), StatusCode::kNotFound);
  std::remove(a.c_str());
  std::remove(b.c_str());
}

}  // namespace
}  // namespace orrery
