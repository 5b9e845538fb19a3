// Random small clusters and groups: what PlaceBundles says against trying every placement there is.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "runtime/scheduling/fit.h"
#include "tests/unit/scheduling/bundle_cases.h"

namespace orrery {
namespace {

struct Site {
  const NodeView* node;
  ResourceSet free;
  GpuFree gpus;
  bool held = false;
  bool used = false;
};

// Tries every node for every bundle and every GPU for every share.
class BruteForce {
 public:
  BruteForce(const ClusterView& view, const BundleRequest& request, bool idle) : request_(request) {
    for (const NodeId id : view.ids()) {
      const NodeView& node = *view.Find(id);
      Site site{&node, idle ? node.total : node.available, {}};
      site.gpus = idle ? AllGpusFree(node.total.Get(ResourceKind::kGpu)) : node.gpu_free;
      for (const HeldBundle& held : request.held) {
        if (held.node != id) continue;
        site.held = true;
        if (idle) site.free -= held.bundle.resources;  // held bundles have no GPUs here
      }
      sites_.push_back(site);
    }
  }

  bool Possible() { return Try(0); }
  // With every bundle on a node of its own that holds none of the group.
  bool PossibleApart() { return apart_ = true, Try(0); }
  // With every bundle on one node.
  bool PossibleTogether() { return together_ = true, Try(0); }

 private:
  bool Try(size_t bundle) {
    if (bundle == request_.bundles.size()) return true;
    return std::any_of(sites_.begin(), sites_.end(), [&](Site& site) { return TryOn(bundle, site); });
  }

  bool TryOn(size_t bundle, Site& site) {
    const Bundle& asked = request_.bundles[bundle];
    const bool some_held = !request_.held.empty();
    if (site.node->draining || !Matches(asked.labels, site.node->labels)) return false;
    if (!FitsNow(asked.resources, site.free, site.gpus)) return false;
    const bool apart = apart_ || request_.strategy == BundleStrategy::kStrictSpread;
    const bool strict_pack = request_.strategy == BundleStrategy::kStrictPack;
    if (apart && (site.held || site.used)) return false;
    if (strict_pack && some_held && !site.held) return false;
    if ((strict_pack || together_) && bundle > 0 && !site.used) return false;
    const Site before = site;
    for (const GpuAllocation& gpus : Choices(asked.resources.Get(ResourceKind::kGpu), site.gpus)) {
      site.free -= asked.resources;
      TakeGpus(gpus, site.gpus);
      site.used = true;
      const bool found = Try(bundle + 1);
      site = before;
      if (found) return true;
    }
    return false;
  }

  static std::vector<GpuAllocation> Choices(FixedPoint asked, const GpuFree& free) {
    Random unused;
    if (asked.raw == 0 || asked.whole()) return {*ChooseGpus(asked, free, GpuChoice::kLeastLeft, unused)};
    std::vector<GpuAllocation> choices;
    for (uint32_t i = 0; i < free.size(); ++i) {
      if (free[i] >= asked) choices.push_back({{{i, asked}}});
    }
    return choices;
  }

  const BundleRequest& request_;
  std::vector<Site> sites_;
  bool apart_ = false;
  bool together_ = false;
};

std::string RandomNodes(Random& random, bool held) {
  std::string nodes;
  const uint64_t count = 1 + random.Below(4);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t cpus = 2 + random.Below(6);
    nodes += " " + std::to_string(cpus) + ":m" + std::to_string(random.Below(6));
    if (random.Chance(0.4)) nodes += ":g" + std::to_string(1 + random.Below(2));
    if (random.Chance(0.2)) nodes += ":v0.4";
    if (random.Chance(0.3)) nodes += ":w2";
    if (random.Chance(0.5)) nodes += random.Chance(0.5) ? ":rack=a" : ":rack=b";
    if (random.Chance(0.1)) nodes += ":draining";
    if (random.Chance(0.8)) nodes += ":u" + std::to_string(random.Below(cpus - 1));
    if (held && random.Chance(0.3)) nodes += ":h1";
  }
  return nodes;
}

std::string RandomBundles(Random& random) {
  std::string bundles;
  const uint64_t count = 1 + random.Below(5);
  for (uint64_t i = 0; i < count; ++i) {
    bundles += " " + std::to_string(1 + random.Below(3)) + ":m" + std::to_string(random.Below(3));
    if (random.Chance(0.3)) bundles += random.Chance(0.3) ? ":g1" : ":g0." + std::to_string(2 + random.Below(6));
    if (random.Chance(0.2)) bundles += ":w1";
    if (random.Chance(0.2)) bundles += random.Chance(0.5) ? ":rack=a" : ":rack=b";
  }
  return bundles;
}

// What was answered can be done: amounts, GPUs, labels, drains and strictness, bundle by bundle.
void ExpectValid(ClusterView& view, const BundleRequest& request, const BundlePlacement& placement) {
  ASSERT_EQ(placement.nodes.size(), request.bundles.size());
  std::vector<NodeId> nodes;
  for (const HeldBundle& held : request.held) nodes.push_back(held.node);
  for (size_t i = 0; i < request.bundles.size(); ++i) {
    const NodeView* node = view.Find(placement.nodes[i].node);
    ASSERT_NE(node, nullptr);
    EXPECT_FALSE(node->draining);
    EXPECT_TRUE(Matches(request.bundles[i].labels, node->labels));
    ASSERT_TRUE(FitsNow(request.bundles[i].resources, node->available, node->gpu_free));
    FixedPoint gpus;
    for (const auto& [gpu, share] : placement.nodes[i].gpus.parts) gpus += share;
    EXPECT_EQ(gpus, request.bundles[i].resources.Get(ResourceKind::kGpu));
    view.Deduct(node->id, request.bundles[i].resources, placement.nodes[i].gpus);
    nodes.push_back(node->id);
  }
  std::sort(nodes.begin(), nodes.end());
  const auto distinct = std::unique(nodes.begin(), nodes.end()) - nodes.begin();
  const auto held = static_cast<std::ptrdiff_t>(request.held.size());
  if (request.strategy == BundleStrategy::kStrictPack) {
    EXPECT_EQ(distinct, 1);
  }
  if (request.strategy == BundleStrategy::kStrictSpread) {
    EXPECT_EQ(distinct, held + static_cast<std::ptrdiff_t>(request.bundles.size()));
  }
}

bool AllOn(const BundlePlacement& placement, bool one) {
  std::vector<NodeId> nodes;
  for (const PlacedBundle& placed : placement.nodes) nodes.push_back(placed.node);
  std::sort(nodes.begin(), nodes.end());
  const size_t distinct = static_cast<size_t>(std::unique(nodes.begin(), nodes.end()) - nodes.begin());
  return distinct == (one ? 1 : placement.nodes.size());
}

class Feasibility : public testing::TestWithParam<const char*> {};

TEST_P(Feasibility, AgreesWithTryingEverything) {
  int seen[3] = {};
  for (uint64_t seed = 1; seed <= 10000; ++seed) {
    Random random(seed);
    const std::string nodes = RandomNodes(random, seed % 4 == 0), bundles = RandomBundles(random);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": nodes" + nodes + ", bundles" + bundles);
    ClusterView view;
    BundleRequest request;
    request.strategy = ParseBundleStrategy(GetParam()).value();
    AddCaseNodes(nodes, view, request);
    if (request.strategy == BundleStrategy::kStrictPack && request.held.size() > 1) continue;  // cannot have come about
    request.bundles = CaseBundles(bundles);
    const BundlePlacement placement = PlaceBundles(view, request);
    ASSERT_FALSE(placement.cut_short);
    const bool now = BruteForce(view, request, false).Possible();
    const bool ever = BruteForce(view, request, true).Possible();
    ASSERT_EQ(placement.kind == BundlePlacement::Kind::kPlaced, now);
    ASSERT_EQ(placement.kind == BundlePlacement::Kind::kInfeasible, !ever && !now);
    ++seen[static_cast<int>(placement.kind)];
    if (!now) continue;
    if (request.strategy == BundleStrategy::kPack && BruteForce(view, request, false).PossibleTogether()) {
      ASSERT_TRUE(AllOn(placement, true));
    }
    if (request.strategy == BundleStrategy::kSpread && BruteForce(view, request, false).PossibleApart()) {
      ASSERT_TRUE(AllOn(placement, false));
    }
    ExpectValid(view, request, placement);
    if (HasFailure()) return;
  }
  for (const int count : seen) EXPECT_GT(count, 100) << "the cases must be of all kinds";
}

INSTANTIATE_TEST_SUITE_P(Strategies, Feasibility, testing::Values("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace orrery
