// SimGrid's sharing against closed forms. Bandwidth 1 GB/s: one byte per nanosecond.
#include "sim/engine/flow_solver.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/child.h"

namespace orrery {
namespace {

constexpr int64_t kMega = 1'000'000;

HostSpec Host(uint32_t rack = 0, double out = 1e9, double in = 1e9) {
  HostSpec spec;
  spec.latency_out = spec.latency_in = Duration::Micros(5);
  spec.bandwidth_out = out;
  spec.bandwidth_in = in;
  spec.rack = rack;
  return spec;
}

struct End {
  int64_t time;
  uint64_t token;
  bool failed;
};

// Steps the solver to its end, or to `limit`.
std::vector<End> RunOut(FlowSolver& solver, int64_t limit = INT64_MAX) {
  std::vector<End> ends;
  const auto collect = [&](int64_t now) {
    for (const FlowSolver::Completion& one : solver.completions()) ends.push_back({now, one.token, one.failed});
    solver.completions().clear();
  };
  for (int64_t next = solver.NextTime(); next != FlowSolver::kNever && next <= limit; next = solver.NextTime()) {
    solver.AdvanceTo(next);
    collect(next);
  }
  return ends;
}

TEST(FlowSolver, OneFlowTakesLatencyPlusSizeOverBandwidth) {
  InChild([] {
    FlowSolver solver({}, {Host(), Host()});
    solver.Start({0}, {1}, kMega, 7, 1'000);
    const auto ends = RunOut(solver);
    EXPECT_EQ(ends.size(), 1u);
    EXPECT_NEAR(ends[0].time, 1'000 + 10'000 + kMega, 1);
    EXPECT_EQ(ends[0].token, 7u);
    EXPECT_FALSE(ends[0].failed);
    EXPECT_EQ(solver.live(), 0u);
    return 1;
  });
}

TEST(FlowSolver, TwoFlowsShareTheSendersCardAndTheFirstToEndFreesIt) {
  InChild([] {
    FlowSolver solver({}, {Host(), Host(), Host()});
    solver.Start({0}, {1}, kMega, 1, 0);
    solver.Start({0}, {2}, 2 * kMega, 2, 0);
    const auto ends = RunOut(solver);
    EXPECT_EQ(ends.size(), 2u);
    EXPECT_NEAR(ends[0].time, 10'000 + 2 * kMega, 2);  // half each until here
    EXPECT_EQ(ends[0].token, 1u);
    EXPECT_NEAR(ends[1].time, 10'000 + 3 * kMega, 2);
    return 1;
  });
}

TEST(FlowSolver, BothDirectionsOfACardAreIndependent) {
  InChild([] {
    FlowSolver solver({}, {Host(0, 1e9, 0.5e9), Host()});
    solver.Start({0}, {1}, kMega, 1, 0);
    solver.Start({1}, {0}, kMega, 2, 0);
    const auto ends = RunOut(solver);
    EXPECT_EQ(ends.size(), 2u);
    EXPECT_NEAR(ends[0].time, 10'000 + kMega, 2);
    EXPECT_NEAR(ends[1].time, 10'000 + 2 * kMega, 2);  // host 0 receives at half the speed
    return 1;
  });
}

TEST(FlowSolver, AnOversubscribedUplinkIsSharedByTheRack) {
  InChild([] {
    FlowSolver::Options options;
    options.rack_bandwidth = 1e9;  // four cards of 1 GB/s behind it
    options.rack_latency = Duration::Micros(20);
    std::vector<HostSpec> hosts;
    for (uint32_t i = 0; i < 8; ++i) hosts.push_back(Host(i / 4));
    FlowSolver solver(options, hosts);
    for (uint32_t i = 0; i < 4; ++i) solver.Start({i}, {4 + i}, kMega, i, 0);
    const auto ends = RunOut(solver);
    EXPECT_EQ(ends.size(), 4u);
    for (const End& end : ends) EXPECT_NEAR(end.time, 30'000 + 4 * kMega, 4);
    // Within the rack there is no uplink to share.
    solver.Start({0}, {1}, kMega, 9, 10 * kMega);
    const auto inner = RunOut(solver);
    EXPECT_EQ(inner.size(), 1u);
    EXPECT_NEAR(inner[0].time, 10 * kMega + 10'000 + kMega, 2);
    return 1;
  });
}

TEST(FlowSolver, ADeadHostFailsItsFlowsAtOnceAndItCanComeBack) {
  InChild([] {
    FlowSolver solver({}, {Host(), Host(), Host()});
    solver.Start({0}, {1}, kMega, 1, 0);
    solver.Start({2}, {1}, kMega, 2, 0);
    solver.Start({0}, {2}, kMega, 3, 0);
    solver.FailHost({1}, 500'000);
    EXPECT_EQ(solver.completions().size(), 2u);
    for (uint64_t i = 0; i < solver.completions().size(); ++i) {
      EXPECT_EQ(solver.completions()[i].token, i + 1);
      EXPECT_TRUE(solver.completions()[i].failed);
    }
    solver.completions().clear();
    const auto rest = RunOut(solver);
    EXPECT_EQ(rest.size(), 1u);
    // Half speed until the failure at 0.5 ms, full speed after it.
    EXPECT_NEAR(rest[0].time, 500'000 + kMega - 245'000, 2);
    solver.ReviveHost({1}, 5 * kMega);
    solver.Start({0}, {1}, kMega, 4, 5 * kMega);
    const auto again = RunOut(solver);
    EXPECT_EQ(again.size(), 1u);
    EXPECT_FALSE(again[0].failed);
    return 1;
  });
}

TEST(FlowSolver, ACancelledFlowGivesItsShareBackAndReportsNothing) {
  InChild([] {
    FlowSolver solver({}, {Host(), Host(), Host()});
    const auto first = solver.Start({0}, {1}, kMega, 1, 0);
    solver.Start({0}, {2}, kMega, 2, 0);
    solver.Cancel(first, 510'000);  // 0.25 MB of each are through
    solver.Cancel(first, 510'000);
    const auto ends = RunOut(solver);
    EXPECT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends[0].token, 2u);
    EXPECT_NEAR(ends[0].time, 510'000 + 750'000, 2);
    return 1;
  });
}

TEST(FlowSolver, AChangeOfBandwidthCountsFromThen) {
  InChild([] {
    FlowSolver solver({}, {Host(), Host()});
    solver.Start({0}, {1}, kMega, 1, 0);
    solver.SetBandwidth({1}, 1e9, 0.25e9, 510'000);
    const auto ends = RunOut(solver);
    EXPECT_EQ(ends.size(), 1u);
    EXPECT_NEAR(ends[0].time, 510'000 + 4 * 500'000, 2);
    return 1;
  });
}

TEST(FlowSolver, ASecondSolverInOneProcessIsABug) {
  InChild([] {
    { FlowSolver solver({}, {Host(), Host()}); }
    EXPECT_TRUE(FlowSolver::Used());
    EXPECT_DEATH(FlowSolver({}, {Host(), Host()}), "one flow solver per process");
    return 1;
  });
}

TEST(FlowSolver, ItLeavesTheProgramsSignalHandlersAlone) {
  InChild([] {
    signal(SIGINT, SIG_IGN);
    FlowSolver solver({}, {Host(), Host()});
    EXPECT_EQ(signal(SIGINT, SIG_DFL), SIG_IGN);
    return 1;
  });
}

}  // namespace
}  // namespace orrery
