#include <gtest/gtest.h>

#include <cstdio>

#include "sim/engine/event_log.h"
#include "tests/unit/engine/chatter.h"

namespace orrery {
namespace {

EngineOptions Seed(uint64_t seed) {
  EngineOptions options;
  options.seed = seed;
  return options;
}

TEST(Determinism, TheSameSeedGivesTheSameDigest) {
  const uint64_t first = RunChatter(Seed(1));
  std::vector<std::unique_ptr<char[]>> junk;  // another layout of the heap
  for (size_t i = 1; i < 200; ++i) junk.push_back(std::make_unique<char[]>(i * 37));
  EXPECT_EQ(RunChatter(Seed(1)), first);
}

TEST(Determinism, AnotherSeedGivesAnotherDigest) { EXPECT_NE(RunChatter(Seed(1)), RunChatter(Seed(2))); }

TEST(Determinism, FaultsChangeTheDigest) {
  ChatterOptions calm;
  calm.faults = false;
  EXPECT_NE(RunChatter(Seed(1)), RunChatter(Seed(1), calm));
}

TEST(Determinism, ObserversDoNotChangeTheDigest) {
  const uint64_t plain = RunChatter(Seed(3));
  EngineOptions observed = Seed(3);
  observed.through_codec = true;
  observed.audit_every = 100;
  Result<EventLog> log = EventLog::Open(testing::TempDir() + "orrery-observed.jsonl");
  ASSERT_TRUE(log.ok());
  ChatterOptions options;
  options.log = &*log;
  EXPECT_EQ(RunChatter(observed, options), plain);
  observed.check_invariants = false;
  observed.checkpoint_log2 = 4;
  EXPECT_EQ(RunChatter(observed), plain);
}

TEST(Determinism, PermutedTiesAreAnotherOrderButTheSameEveryTime) {
  EngineOptions permuted = Seed(4);
  permuted.permute_ties = true;
  const uint64_t first = RunChatter(permuted);
  EXPECT_EQ(RunChatter(permuted), first);
  EXPECT_NE(RunChatter(Seed(4)), first);
}

TEST(Determinism, ADependenceOnAddressesIsFoundAndShown) {
  const std::string paths[2] = {testing::TempDir() + "orrery-a.jsonl", testing::TempDir() + "orrery-b.jsonl"};
  for (const bool planted : {false, true}) {
    uint64_t digests[2];
    for (int i = 0; i < 2; ++i) {
      Result<EventLog> log = EventLog::Open(paths[i]);
      ASSERT_TRUE(log.ok());
      ChatterOptions options;
      options.log = &*log;
      options.planted_disorder = planted;
      options.reversed_memory = i == 1;
      digests[i] = RunChatter(Seed(5), options);
      ASSERT_TRUE(log->Close().ok());
    }
    EXPECT_EQ(digests[0] != digests[1], planted);
    Result<LogDifference> difference = FindFirstDifference(paths[0], paths[1]);
    ASSERT_TRUE(difference.ok());
    EXPECT_EQ(!difference->equal, planted);
  }
  for (const std::string& path : paths) std::remove(path.c_str());
}

}  // namespace
}  // namespace orrery
