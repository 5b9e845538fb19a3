// Hundreds of short random lives of objects. ORRERY_SEED=N runs one and prints it (ORRERY_STEPS=M: only its first M
// steps, to find the shortest that fails); ORRERY_SEEDS=N runs the first N.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/unit/core_worker/object_life.h"

namespace orrery::test {
namespace {

char rerun[64];

// An assertion aborts: the seed must be known all the same.
void PrintSeed(int) {
  const ssize_t written = write(STDERR_FILENO, rerun, sizeof rerun);
  (void)written;
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

void RunSeed(uint64_t seed, bool verbose, ObjectLife::Counts& sum) {
  std::snprintf(rerun, sizeof rerun, "run again with ORRERY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  ObjectLife life(seed, FromEnvironment("ORRERY_STEPS", 60), verbose);
  for (const std::string& wrong : life.Run()) ADD_FAILURE() << "ORRERY_SEED=" << seed << ": " << wrong;
  const ObjectLife::Counts& c = life.counts();
  sum.puts += c.puts, sum.stored += c.stored, sum.tasks += c.tasks, sum.nested += c.nested, sum.reads += c.reads;
  sum.read_ok += c.read_ok, sum.owner_died += c.owner_died, sum.lost += c.lost, sum.borrowed += c.borrowed;
  sum.refs_returned += c.refs_returned, sum.killed_workers += c.killed_workers, sum.killed_drivers += c.killed_drivers;
  sum.killed_nodes += c.killed_nodes, sum.drops += c.drops, sum.rebuilt += c.rebuilt, sum.events += c.events;
}

TEST(RandomObjects, WhatIsReferredToIsThereAndTheRestIsGone) {
  std::signal(SIGABRT, PrintSeed);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  ObjectLife::Counts sum;
  if (const uint64_t seed = FromEnvironment("ORRERY_SEED", 0)) return RunSeed(seed, true, sum);
  const uint64_t first = FromEnvironment("ORRERY_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("ORRERY_SEEDS", 150);
  for (uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) RunSeed(seed, false, sum);
  const auto n = [](uint64_t count) { return static_cast<unsigned long long>(count); };
  std::printf(
      "puts %llu, tasks %llu (nested %llu), reads %llu: ok %llu, owner died %llu, lost %llu; rebuilt %llu, borrowed "
      "%llu, "
      "refs returned %llu, events %llu\n",
      n(sum.puts), n(sum.tasks), n(sum.nested), n(sum.reads), n(sum.read_ok), n(sum.owner_died), n(sum.lost),
      n(sum.rebuilt), n(sum.borrowed), n(sum.refs_returned), n(sum.events));
  // The campaign must have reached what it is for.
  if (HasFailure() || seeds < 100) return;
  for (uint64_t count : {sum.stored, sum.nested, sum.read_ok, sum.owner_died, sum.lost, sum.borrowed, sum.refs_returned,
                         sum.killed_workers, sum.killed_drivers, sum.killed_nodes, sum.drops, sum.rebuilt}) {
    EXPECT_GT(count, 0u);
  }
}

}  // namespace
}  // namespace orrery::test
