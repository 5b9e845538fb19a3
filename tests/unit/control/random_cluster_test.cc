// Thousands of short random lives. ORRERY_SEED=N runs one and prints it; ORRERY_SEEDS=N runs the first N.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/unit/control/random_life.h"

namespace orrery::test {
namespace {

char rerun[64];

// An assertion aborts: the seed must be known all the same.
void PrintSeed(int) {
  const ssize_t written = write(STDERR_FILENO, rerun, sizeof rerun);
  (void)written;
}

void RunSeed(uint64_t seed, bool verbose, RandomLife::Counts& sum) {
  std::snprintf(rerun, sizeof rerun, "run again with ORRERY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  RandomLife life(seed, verbose);
  for (const std::string& wrong : life.Run()) ADD_FAILURE() << "ORRERY_SEED=" << seed << ": " << wrong;
  const RandomLife::Counts& counts = life.counts();
  sum.tasks += counts.tasks, sum.ok += counts.ok, sum.cancelled += counts.cancelled, sum.failed += counts.failed;
  sum.retried += counts.retried, sum.nested += counts.nested, sum.killed_workers += counts.killed_workers;
  sum.killed_drivers += counts.killed_drivers, sum.killed_nodes += counts.killed_nodes, sum.drops += counts.drops;
  sum.killed_gcs += counts.killed_gcs, sum.preempted += counts.preempted;
  sum.vanished += counts.vanished, sum.isolations += counts.isolations, sum.duplicates += counts.duplicates,
      sum.spilled += counts.spilled;
  sum.stale += counts.stale, sum.nodes_dead += counts.nodes_dead, sum.events += counts.events;
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(RandomCluster, EverythingSubmittedEndsOnceAndNothingIsLeft) {
  std::signal(SIGABRT, PrintSeed);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  RandomLife::Counts sum;
  if (const uint64_t seed = FromEnvironment("ORRERY_SEED", 0)) return RunSeed(seed, true, sum);
  const uint64_t first = FromEnvironment("ORRERY_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("ORRERY_SEEDS", 200);
  for (uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) RunSeed(seed, false, sum);
  std::printf(
      "tasks %llu: ok %llu, cancelled %llu, failed %llu; retried %llu, nested %llu; spilled %llu, stale %llu, events "
      "%llu\n",
      (unsigned long long)sum.tasks, (unsigned long long)sum.ok, (unsigned long long)sum.cancelled,
      (unsigned long long)sum.failed, (unsigned long long)sum.retried, (unsigned long long)sum.nested,
      (unsigned long long)sum.spilled, (unsigned long long)sum.stale, (unsigned long long)sum.events);
  // The campaign must have reached what it is for.
  if (HasFailure() || seeds < 100) return;
  for (uint64_t count : {sum.ok, sum.cancelled, sum.failed, sum.retried, sum.nested, sum.killed_workers,
                         sum.killed_drivers, sum.killed_nodes, sum.killed_gcs, sum.preempted, sum.drops, sum.vanished,
                         sum.isolations, sum.duplicates, sum.spilled, sum.stale, sum.nodes_dead}) {
    EXPECT_GT(count, 0u);
  }
}

}  // namespace
}  // namespace orrery::test
