#include "runtime/scheduling/bundle_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/scheduling/bundle_cases.h"

namespace orrery {
namespace {

struct Case {
  const char* what;
  const char* strategy;
  const char* nodes;
  const char* bundles;
  const char* answer;
};

constexpr Case kCases[] = {
    // PACK
    {"one bundle goes to the emptiest node", "PACK", "4:u3 4:u1 4:u2", "1", "2"},
    {"of equals the least id", "PACK", "4 4 4", "1", "1"},
    {"all on one node that can", "PACK", "4 4", "1 1 2", "1 1 1"},
    {"one node, though another is emptier for the hardest", "PACK", "4 4:w1:u3", "1:w1 1", "2 1"},
    {"a single node for all is found beyond the emptiest", "PACK", "8:m1 4:m4", "2:m1 1:m2", "2 2"},
    {"two nodes when one is too small", "PACK", "2 2 2", "1 1 1 1", "1 1 2 2"},
    {"greedy would put 3 and 3 on the first", "PACK", "7 6", "3 3 3 2 2", "1 2 2 1 1"},
    {"kept bundles attract", "PACK", "4 4:h1 4", "1 1", "2 2"},
    {"kept bundles attract as far as there is room", "PACK", "4:u2 4:h3 4:u2", "1 1 1", "2 1 1"},
    {"busy", "PACK", "4:u4 4:u4", "1", "busy"},
    {"busy in sum", "PACK", "4:u2 4:u2", "2 2 2", "busy"},
    {"too large for every node", "PACK", "4 4", "5", "infeasible"},
    {"too much in sum", "PACK", "4 4", "3 3 3", "infeasible"},
    {"too much beside the kept one", "PACK", "4:h2", "3", "infeasible"},
    {"no nodes", "PACK", "", "1", "infeasible"},
    {"no such resource", "PACK", "4 4", "1:w1", "infeasible"},
    {"draining nodes get nothing", "PACK", "8:draining 2", "1 1", "2 2"},
    {"only draining nodes", "PACK", "8:draining", "1", "infeasible"},
    // SPREAD
    {"a node each", "SPREAD", "4 4 4", "1 1 1", "1 2 3"},
    {"the emptiest first", "SPREAD", "4:u1 4 4:u2", "1 1", "2 1"},
    {"reuse when nodes run out, evenly", "SPREAD", "4 4", "1 1 1 1", "1 2 1 2"},
    {"a node each, where the emptiest first would not find it", "SPREAD", "4:w1 8:w1 2", "1 1:w1 1:w1", "3 2 1"},
    {"kept bundles repel", "SPREAD", "8:h1 4 4", "1 1", "2 3"},
    {"kept bundles repel softly", "SPREAD", "8:h1 4", "1 1 1", "2 1 2"},
    {"all on one when it must", "SPREAD", "8", "1 1 1", "1 1 1"},
    {"greedy would put the third 3 on the first", "SPREAD", "7 6", "3 3 3 2 2", "1 2 2 1 1"},
    {"busy", "SPREAD", "2:u1 2:u1", "1 1 1", "busy"},
    {"infeasible", "SPREAD", "2 2", "1 1 1 1 1", "infeasible"},
    // STRICT_PACK
    {"all on the one that can", "STRICT_PACK", "2 2 4", "1 1 1", "3 3 3"},
    {"the emptiest that can", "STRICT_PACK", "4:u1 6:u1 4", "1 1", "2 2"},
    {"never on two", "STRICT_PACK", "2 2", "2 1", "infeasible"},
    {"busy, though two together had room", "STRICT_PACK", "4:u2 4:u2", "2 1", "busy"},
    {"with the kept one only", "STRICT_PACK", "8 4:h1", "1", "2"},
    {"with the kept one, which is full", "STRICT_PACK", "8 4:h1:u3", "1", "busy"},
    {"beside the kept one it never fits", "STRICT_PACK", "8 4:h2", "3", "infeasible"},
    {"labels of two bundles on one node", "STRICT_PACK", "4:rack=a 4:disk=ssd 4:rack=a:disk=ssd", "1:rack=a 1:disk=ssd",
     "3 3"},
    {"labels that no node has together", "STRICT_PACK", "4:rack=a 4:disk=ssd", "1:rack=a 1:disk=ssd", "infeasible"},
    // STRICT_SPREAD
    {"a node each", "STRICT_SPREAD", "4 4 4", "1 1 1", "1 2 3"},
    {"more bundles than nodes", "STRICT_SPREAD", "4 4", "1 1 1", "infeasible"},
    {"not on one, though it has room", "STRICT_SPREAD", "8 8:u8", "1 1", "busy"},
    {"the flexible one makes way", "STRICT_SPREAD", "8:rack=a 4:rack=b", "2 1:rack=a", "2 1"},
    {"a chain of three makes way", "STRICT_SPREAD", "9 8:m2 7:m1:w1", "1:w1 1:m1 1", "3 2 1"},
    {"kept bundles forbid", "STRICT_SPREAD", "8:h1 4 4", "1 1", "2 3"},
    {"kept bundles forbid for ever", "STRICT_SPREAD", "8:h1 4", "1 1", "infeasible"},
    // GPUs, custom resources, labels
    {"shares that do not fit one GPU", "STRICT_PACK", "4:g1", "1:g0.6 1:g0.6", "infeasible"},
    {"shares on two GPUs", "STRICT_PACK", "4:g2", "1:g0.6 1:g0.6", "1 1"},
    {"1.2 GPUs in sum, in two halves that are too small", "PACK", "4:g2:v0.4", "1:g1", "busy"},
    {"shares that only one arrangement holds", "STRICT_PACK", "9:g2", "1:g0.5 1:g0.4 1:g0.4 1:g0.3 1:g0.2 1:g0.2",
     "1 1 1 1 1 1"},
    {"a whole GPU before shares of others", "STRICT_PACK", "9:g2", "1:g0.5 1:g1 1:g0.5", "1 1 1"},
    {"GPU bundles find GPU nodes", "SPREAD", "16 4:g1 4:g1", "1:g1 1:g1 1", "2 3 1"},
    {"a labelled bundle before a hard one", "PACK", "4:rack=a 4", "4 1:rack=a", "2 1"},
    {"equally large nodes with unequal labels", "PACK", "4:rack=a:disk=ssd 4:rack=a", "3:rack=a 2:disk=ssd", "2 1"},
    {"no such label", "PACK", "4:rack=a", "1:rack=b", "infeasible"},
};

TEST(BundlePolicy, Table) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.strategy) + ": " + c.what);
    ClusterView view;
    BundleRequest request;
    request.strategy = ParseBundleStrategy(c.strategy).value();
    AddCaseNodes(c.nodes, view, request);
    request.bundles = CaseBundles(c.bundles);
    EXPECT_EQ(CaseAnswer(PlaceBundles(view, request)), c.answer);
  }
}

TEST(BundlePolicy, EqualQuestionsHaveEqualAnswersWhateverTheHistoryOfTheView) {
  ClusterView forwards, backwards;
  for (uint32_t id = 1; id <= 20; ++id) forwards.AddNode(NodeId{id}, ResourceSet::Cpu(2 + id % 3));
  for (uint32_t id = 20; id >= 1; --id) backwards.AddNode(NodeId{id}, ResourceSet::Cpu(2 + id % 3));
  for (const char* strategy : {"PACK", "SPREAD", "STRICT_SPREAD"}) {
    const BundleRequest request{ParseBundleStrategy(strategy).value(), CaseBundles("1 2 1 2 2 1 1 2"), {}};
    EXPECT_EQ(CaseAnswer(PlaceBundles(forwards, request)), CaseAnswer(PlaceBundles(backwards, request)));
  }
}

// Bin packing by integers that has no answer but by luck: the bound ends it, and nothing is called infeasible unproved.
TEST(BundlePolicy, ASearchThatIsCutShortSaysBusy) {
  ClusterView view;
  BundleRequest request;
  AddCaseNodes("100:m100 100:m101 100:m102 100:m103 100:m104", view, request);
  for (int i = 0; i < 16; ++i) request.bundles.push_back({ResourceSet::Cpu(29 + i % 5), {}});
  EXPECT_EQ(CaseAnswer(PlaceBundles(view, request, 50)), "cut short");
}

TEST(BundlePolicy, LargeGroupsNeedNoSearch) {
  ClusterView view;
  for (uint32_t id = 1; id <= 1000; ++id) view.AddNode(NodeId{id}, ResourceSet::Cpu(4));
  view.AddNode(NodeId{1001}, ResourceSet::Cpu(1000));
  const std::vector<Bundle> bundles(1000, Bundle{ResourceSet::Cpu(1), {}});
  const auto distinct = [&](BundleStrategy strategy) {
    std::vector<NodeId> nodes;
    for (const PlacedBundle& placed : PlaceBundles(view, {strategy, bundles, {}}, 0).nodes)
      nodes.push_back(placed.node);
    EXPECT_EQ(nodes.size(), 1000u);
    std::sort(nodes.begin(), nodes.end());
    return std::unique(nodes.begin(), nodes.end()) - nodes.begin();
  };
  EXPECT_EQ(distinct(BundleStrategy::kStrictPack), 1);
  EXPECT_EQ(distinct(BundleStrategy::kPack), 1);
  EXPECT_EQ(distinct(BundleStrategy::kSpread), 1000);
  EXPECT_EQ(distinct(BundleStrategy::kStrictSpread), 1000);
}

TEST(BundlePolicy, BadBundlesAreNamed) {
  EXPECT_TRUE(ValidateBundles(CaseBundles("1 1:g0.5 1:g2")).ok());
  EXPECT_NE(ValidateBundles({}).message().find("at least one bundle"), std::string::npos);
  EXPECT_NE(ValidateBundles(CaseBundles("1 0")).message().find("bundle 1: it asks for nothing"), std::string::npos);
  EXPECT_NE(ValidateBundles(CaseBundles("1 1 -1")).message().find("bundle 2"), std::string::npos);
  EXPECT_NE(ValidateBundles(CaseBundles("1:g1.5")).message().find("bundle 0: GPU"), std::string::npos);
  EXPECT_NE(ParseBundleStrategy("PAKC").status().message().find("STRICT_SPREAD"), std::string::npos);
}

}  // namespace
}  // namespace orrery
