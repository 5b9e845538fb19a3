// Claims of jobs: known answers of the DRF paper, and random job mixes against progressive filling by exact fractions.
#include "runtime/scheduling/job_shares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "runtime/common/random.h"
#include "runtime/scheduling/fit.h"

namespace orrery {
namespace {

Settings With(const char* scheduling) {
  Settings settings;
  settings.job_scheduling = scheduling;
  return settings;
}

ResourceSet Amounts(int64_t cpus, int64_t gib) {
  return ResourceSet()
      .Set(ResourceKind::kCpu, FixedPoint::Whole(cpus))
      .Set(ResourceKind::kMemory, FixedPoint::Whole(gib << 30));
}

// Serves jobs that all want more, in the order of claims, until none fits; how many tasks each got.
std::map<JobId, int64_t> Fill(JobShares& shares, ResourceSet free, const std::map<JobId, ResourceSet>& demands) {
  ClaimQueue<JobId> claims(shares);
  std::map<JobId, int64_t> got;
  uint64_t ticket = 0;
  for (const auto& [job, demand] : demands) claims.Push(job, ++ticket, job);
  while (const auto job = claims.Pop()) {
    if (!Covers(free, demands.at(*job))) continue;
    free -= demands.at(*job);
    shares.Add(*job, demands.at(*job));
    ++got[*job];
    claims.Push(*job, ++ticket, *job);
  }
  return got;
}

TEST(JobShares, TheExampleOfTheDrfPaper) {
  // Section 4.1: 9 CPUs and 18 GB; A's tasks need <1 CPU, 4 GB>, B's <3 CPUs, 1 GB>: three for A, two for B.
  JobShares shares(With("fair_share"));
  shares.AddCapacity(Amounts(9, 18));
  const auto got = Fill(shares, Amounts(9, 18), {{JobId{1}, Amounts(1, 4)}, {JobId{2}, Amounts(3, 1)}});
  EXPECT_EQ(got.at(JobId{1}), 3);
  EXPECT_EQ(got.at(JobId{2}), 2);
  EXPECT_NEAR(shares.DominantShare(JobId{1}), 2.0 / 3, 1e-9);
  EXPECT_NEAR(shares.DominantShare(JobId{2}), 2.0 / 3, 1e-9);
}

TEST(JobShares, WeightsDivideInProportion) {
  JobShares shares(With("fair_share"));
  shares.AddCapacity(Amounts(60, 60));
  shares.SetTerms(JobId{1}, {0, FixedPoint::Milli(500)});
  shares.SetTerms(JobId{3}, {0, FixedPoint::Milli(1500)});
  const auto got =
      Fill(shares, Amounts(60, 60), {{JobId{1}, Amounts(1, 1)}, {JobId{2}, Amounts(1, 1)}, {JobId{3}, Amounts(1, 1)}});
  EXPECT_EQ(got.at(JobId{1}), 10);
  EXPECT_EQ(got.at(JobId{2}), 20);
  EXPECT_EQ(got.at(JobId{3}), 30);
}

TEST(JobShares, PriorityComesBeforeShare) {
  JobShares shares(With("fair_share"));
  shares.AddCapacity(Amounts(10, 10));
  shares.SetTerms(JobId{2}, {1, FixedPoint::Whole(1)});
  const auto got = Fill(shares, Amounts(10, 10), {{JobId{1}, Amounts(1, 1)}, {JobId{2}, Amounts(4, 1)}});
  EXPECT_EQ(got.at(JobId{2}), 2);
  EXPECT_EQ(got.at(JobId{1}), 2);  // what the other could not use
}

TEST(JobShares, PriorityAloneIsInOrderOfArrival) {
  JobShares shares(With("priority"));
  shares.AddCapacity(Amounts(4, 4));
  shares.Add(JobId{1}, Amounts(3, 3));
  EXPECT_EQ(shares.ClaimOf(JobId{1}), shares.ClaimOf(JobId{2}));
  shares.SetTerms(JobId{2}, {-1, FixedPoint::Whole(1)});
  EXPECT_LT(shares.ClaimOf(JobId{1}), shares.ClaimOf(JobId{2}));
}

TEST(JobShares, FirstComeFirstServedKeepsNothing) {
  JobShares shares(With("fifo"));
  shares.SetTerms(JobId{2}, {9, FixedPoint::Whole(1)});
  EXPECT_FALSE(shares.ordered());
  EXPECT_EQ(shares.ClaimOf(JobId{1}), shares.ClaimOf(JobId{2}));
}

TEST(JobShares, ReportsReplaceWhatANodeSaidBefore) {
  JobShares shares(With("fair_share"));
  shares.AddCapacity(Amounts(10, 10));
  shares.SetReported(NodeId{1}, {{JobId{1}, Amounts(2, 1)}, {JobId{2}, Amounts(1, 1)}});
  shares.SetReported(NodeId{2}, {{JobId{1}, Amounts(3, 1)}});
  EXPECT_EQ(shares.UseOf(JobId{1}), Amounts(5, 2));
  shares.SetReported(NodeId{1}, {{JobId{2}, Amounts(4, 1)}});
  EXPECT_EQ(shares.UseOf(JobId{1}), Amounts(3, 1));
  EXPECT_EQ(shares.UseOf(JobId{2}), Amounts(4, 1));
  shares.ForgetNode(NodeId{2});
  EXPECT_EQ(shares.UseOf(JobId{1}), ResourceSet());
  EXPECT_EQ(shares.DominantShare(JobId{1}), 0);
}

// Actors that hold nothing while they live.
TEST(JobShares, NothingMayBeAddedAndTaken) {
  JobShares shares(With("fair_share"));
  for (int i = 0; i < 2; ++i) shares.Add(JobId{1}, {});
  for (int i = 0; i < 2; ++i) shares.Subtract(JobId{1}, {});
  EXPECT_EQ(shares.UseOf(JobId{1}), ResourceSet());
}

TEST(JobShares, CustomResourcesAndThoseThatTheClusterLacks) {
  JobShares shares(With("fair_share"));
  ResourceSet capacity = Amounts(10, 10);
  capacity.Set("licence", FixedPoint::Whole(4));
  shares.AddCapacity(capacity);
  ResourceSet use = Amounts(1, 1);
  use.Set("licence", FixedPoint::Whole(3)).Set("gone", FixedPoint::Whole(100));
  shares.Add(JobId{1}, use);
  EXPECT_NEAR(shares.DominantShare(JobId{1}), 0.75, 1e-9);
  shares.RemoveCapacity(capacity);
  EXPECT_EQ(shares.DominantShare(JobId{1}), 0);  // of nothing there is no share
}

// The largest amounts and smallest weights that are allowed must neither overflow nor divide by zero.
TEST(JobShares, Extremes) {
  JobShares shares(With("fair_share"));
  shares.AddCapacity(ResourceSet().Set(ResourceKind::kMemory, FixedPoint{1}));
  shares.Add(JobId{1}, ResourceSet().Set(ResourceKind::kMemory, FixedPoint{INT64_MAX / 2}));
  shares.SetTerms(JobId{1}, {INT32_MIN, FixedPoint{1}});
  EXPECT_EQ(shares.ClaimOf(JobId{1}).share, UINT64_MAX);
  EXPECT_EQ(shares.ClaimOf(JobId{1}).rank, -static_cast<int64_t>(INT32_MIN));
}

// The paper's algorithm 1, by exact fractions: the job with the least weighted dominant share is next; one whose task
// does not fit is out. Ties are to whoever was served longest ago, as in ClaimQueue.
std::map<JobId, int64_t> ProgressiveFilling(const ResourceSet& capacity, const std::map<JobId, ResourceSet>& demands,
                                            const std::map<JobId, JobTerms>& terms) {
  std::map<JobId, int64_t> got;
  std::map<JobId, uint64_t> last;
  std::map<JobId, bool> out;
  ResourceSet free = capacity;
  uint64_t turn = 0;
  for (const auto& [job, demand] : demands) last[job] = ++turn;
  __extension__ using Wide = __int128;
  // Share as numerator and denominator: use * 10000 / (total * weight).
  const auto share = [&](JobId job) {
    std::pair<Wide, Wide> most{0, 1};
    for (const ResourceKind kind : {ResourceKind::kCpu, ResourceKind::kMemory}) {
      const Wide used = static_cast<Wide>(demands.at(job).Get(kind).raw) * got[job];
      const Wide total = static_cast<Wide>(capacity.Get(kind).raw) * terms.at(job).weight.raw;
      if (used * most.second > most.first * total) most = {used, total};
    }
    return most;
  };
  while (true) {
    std::optional<JobId> best;
    for (const auto& [job, demand] : demands) {
      if (out[job]) continue;
      if (!best) {
        best = job;
        continue;
      }
      const auto a = share(job), b = share(*best);
      const Wide left = a.first * b.second, right = b.first * a.second;
      if (left < right || (left == right && last[job] < last[*best])) best = job;
    }
    if (!best) return got;
    if (!Covers(free, demands.at(*best))) {
      out[*best] = true;
      continue;
    }
    free -= demands.at(*best);
    ++got[*best];
    last[*best] = ++turn;
  }
}

TEST(JobShares, RandomMixesAreFilledAsTheAlgorithmSays) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    // Small numbers, so that exact products of four factors fit into 128 bits; powers of two and three make ties.
    const auto amounts = [&](int64_t most) {
      return ResourceSet()
          .Set(ResourceKind::kCpu, FixedPoint::Whole(1 + static_cast<int64_t>(random.Below(most))))
          .Set(ResourceKind::kMemory, FixedPoint::Whole(1 + static_cast<int64_t>(random.Below(most))));
    };
    ResourceSet capacity = amounts(40);
    capacity += Amounts(20, 0);
    capacity.Set(ResourceKind::kMemory, capacity.Get(ResourceKind::kMemory) + FixedPoint::Whole(20));
    JobShares shares(With("fair_share"));
    shares.AddCapacity(capacity);
    std::map<JobId, ResourceSet> demands;
    std::map<JobId, JobTerms> terms;
    const uint64_t jobs = 2 + random.Below(5);
    for (uint32_t job = 1; job <= jobs; ++job) {
      demands[JobId{job}] = amounts(5);
      terms[JobId{job}].weight = FixedPoint::Milli(500 * (1 + static_cast<int64_t>(random.Below(4))));
      shares.SetTerms(JobId{job}, terms[JobId{job}]);
    }
    auto expected = ProgressiveFilling(capacity, demands, terms);
    std::erase_if(expected, [](const auto& job) { return job.second == 0; });
    // Shares are rounded down to 2^-32: exact ties may be resolved by one task either way, nothing more.
    const auto got = Fill(shares, capacity, demands);
    for (const auto& [job, demand] : demands) {
      const int64_t want = expected.count(job) != 0 ? expected.at(job) : 0;
      const int64_t have = got.count(job) != 0 ? got.at(job) : 0;
      EXPECT_LE(std::abs(want - have), 1) << "seed " << seed << ", " << ToString(job);
    }
  }
}

}  // namespace
}  // namespace orrery
