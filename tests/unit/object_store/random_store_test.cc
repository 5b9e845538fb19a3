// Thousands of random lives of object stores. ORRERY_SEED=N runs one and prints it; ORRERY_SEEDS=N runs the first N.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/unit/object_store/store_life.h"

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

TEST(RandomStore, EverythingIsAnsweredAndNothingIsLeft) {
  std::signal(SIGABRT, PrintSeed);
  const uint64_t one = FromEnvironment("ORRERY_SEED", 0);
  const uint64_t seeds = one != 0 ? one : FromEnvironment("ORRERY_SEEDS", 300);
  StoreLife::Counts sum;
  for (uint64_t seed = one != 0 ? one : 1; seed <= seeds && !HasFailure(); ++seed) {
    std::snprintf(rerun, sizeof rerun, "run again with ORRERY_SEED=%llu\n", static_cast<unsigned long long>(seed));
    StoreLife life(seed, one != 0);
    for (const std::string& wrong : life.Run()) ADD_FAILURE() << "ORRERY_SEED=" << seed << ": " << wrong;
    sum.Add(life.counts());
  }
  const std::pair<const char*, uint64_t> counts[] = {{"created", sum.created},
                                                     {"existed", sum.existed},
                                                     {"refused", sum.refused},
                                                     {"got", sum.got},
                                                     {"lost", sum.lost},
                                                     {"owner died", sum.owner_died},
                                                     {"given up", sum.given_up},
                                                     {"leases", sum.leases},
                                                     {"revoked", sum.revoked},
                                                     {"failed", sum.failed_leases},
                                                     {"evicted", sum.evicted},
                                                     {"spilled", sum.spilled},
                                                     {"restored", sum.restored},
                                                     {"copied", sum.copied},
                                                     {"relayed", sum.relayed},
                                                     {"in room", sum.in_room},
                                                     {"reclaimed", sum.reclaimed},
                                                     {"lies", sum.lies},
                                                     {"killed clients", sum.killed_clients},
                                                     {"killed owners", sum.killed_owners},
                                                     {"killed nodes", sum.killed_nodes},
                                                     {"broken", sum.broken},
                                                     {"damaged", sum.damaged}};
  for (const auto& [name, count] : counts) {
    std::printf("%s %llu, ", name, static_cast<unsigned long long>(count));
    // The campaign must have reached what it is for.
    if (seeds >= 200 && one == 0) {
      EXPECT_GT(count, 0u) << name;
    }
  }
  std::printf("\n");
}

}  // namespace
}  // namespace orrery::test
