// The indexed policies must answer as the plain ones, decision by decision and draw by draw, while clusters change
// under them.
#include <gtest/gtest.h>

#include "runtime/scheduling/node_picker.h"
#include "runtime/scheduling/plain_policy.h"
#include "tests/unit/scheduling/builders.h"

namespace orrery {
namespace {

// One random cluster life: nodes come, go, drain, report; requests of a few shapes are placed and finish.
class Life {
 public:
  Life(const std::string& policy, uint64_t seed) : random_(seed) {
    PolicyOptions options;
    options.top_k_fraction = 0.1 * static_cast<double>(random_.Below(8));
    options.top_k_absolute = static_cast<int64_t>(random_.Below(4));
    options.avoid_gpu_nodes = random_.Chance(0.7);
    // Few entries: shapes are evicted and rebuilt all the time in some lives.
    options.max_index_entries = random_.Chance(0.3) ? 64 : 100'000;
    if (random_.Chance(0.5)) {
      options.typical_pods = std::vector<TypicalPod>{{Res(2, 0.5), {}, 3}, {Res(1, 1), {}, 2}, {Res(4), {}, 1}};
    }
    indexed_ = NodePicker::Make(policy, options).value();
    plain_ = std::make_unique<NodePicker>(MakePlainPolicy(policy, options).value(),
                                          MakePlainPolicy("spread", options).value(),
                                          MakePlainPolicy("random", options).value());
    for (uint64_t i = 0; i < 1 + random_.Below(6); ++i) shapes_.push_back(RandomRequest());
    // Now and then many nodes, so that indexes have several blocks.
    for (uint64_t left = random_.Chance(0.05) ? 700 : random_.Below(40); left > 0; --left) AddNode();
  }

  void Run(int steps) {
    for (int step = 0; step < steps; ++step) {
      for (uint64_t changes = random_.Below(4); changes > 0; --changes) Change();
      Decide();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  int64_t decided(Placement::Kind kind) const { return decided_[static_cast<size_t>(kind)]; }

 private:
  double Below(uint64_t bound) { return static_cast<double>(random_.Below(bound)); }
  NodeId SomeNode() { return view_.empty() ? NodeId{} : view_.ids()[random_.Below(view_.size())]; }
  std::string Zone() { return std::string(1, static_cast<char>('a' + random_.Below(3))); }

  SchedulingRequest RandomRequest() {
    const double gpus = random_.Chance(0.5) ? 0 : random_.Chance(0.5) ? 0.1 * (1 + Below(9)) : 1 + Below(3);
    SchedulingRequest request = Ask(Res(Below(5), gpus, 5 * Below(3)));
    if (random_.Chance(0.2)) request.resources.Set("widget", F(1 + Below(2)));
    if (random_.Chance(0.3)) request.strategy.hard_labels = {In("zone", {Zone(), Zone()})};
    if (random_.Chance(0.2)) request.strategy.soft_labels = {In("zone", {Zone()})};
    const double kind = random_.Uniform();
    if (kind < 0.08)
      request.strategy.kind = SchedulingStrategy::Kind::kSpread;
    else if (kind < 0.16)
      request.strategy.kind = SchedulingStrategy::Kind::kRandom;
    else if (kind < 0.25)
      request.strategy.kind = SchedulingStrategy::Kind::kNodeAffinity;
    request.strategy.soft = random_.Chance(0.5);
    request.strategy.affinity_node = static_cast<uint32_t>(random_.Below(30));
    return request;
  }

  void AddNode() {
    ResourceSet total = Res(4 * (1 + Below(3)), random_.Chance(0.5) ? 1 + Below(4) : 0, 20);
    if (random_.Chance(0.2)) total.Set("widget", F(2));
    Labels labels;
    if (random_.Chance(0.6)) labels["zone"] = Zone();
    view_.AddNode(NodeId{next_id_++}, total, labels);
  }

  void Change() {
    switch (random_.Below(10)) {
      case 0: AddNode(); break;
      case 1: view_.RemoveNode(SomeNode()); break;
      case 2: view_.SetDraining(SomeNode(), random_.Chance(0.4)); break;
      case 3:
        if (const NodeView* node = view_.Find(SomeNode())) {
          ResourceSet available = node->total;
          available.Set(ResourceKind::kCpu, F(Below(9) - 1));
          available.Set(ResourceKind::kMemory, F(Below(21)));
          view_.SetAvailable(node->id, available, node->gpu_free);
        }
        break;
      default:
        if (placed_.empty()) break;
        std::swap(placed_[random_.Below(placed_.size())], placed_.back());
        view_.Restore(placed_.back().node, placed_.back().resources, placed_.back().gpus);
        placed_.pop_back();
    }
    std::erase_if(placed_, [&](const Placed& p) { return view_.Find(p.node) == nullptr; });
  }

  void Decide() {
    const SchedulingRequest request = random_.Chance(0.9) ? shapes_[random_.Below(shapes_.size())] : RandomRequest();
    const PickContext context{request, random_.Chance(0.5) ? SomeNode() : NodeId{},
                              random_.Chance(0.2) ? SomeNode() : NodeId{}, random_.Chance(0.3)};
    const uint64_t seed = random_.Next();
    Random for_indexed(seed), for_plain(seed);
    const Placement indexed = indexed_->PickNode(view_, context, for_indexed);
    const Placement plain = plain_->PickNode(view_, context, for_plain);
    ASSERT_EQ(indexed, plain);
    ASSERT_EQ(for_indexed.Next(), for_plain.Next()) << "different random draws";
    ++decided_[static_cast<size_t>(indexed.kind)];
    if (indexed.kind != Placement::Kind::kAvailable || !indexed.node) return;
    const NodeView& node = *view_.Find(indexed.node);
    const auto gpus = indexed_->configured().PickGpus(node, request.resources, for_indexed);
    ASSERT_TRUE(gpus.has_value());
    ASSERT_EQ(gpus, plain_->configured().PickGpus(node, request.resources, for_plain));
    view_.Deduct(indexed.node, request.resources, *gpus);
    placed_.push_back({indexed.node, request.resources, *gpus});
  }

  struct Placed {
    NodeId node;
    ResourceSet resources;
    GpuAllocation gpus;
  };
  Random random_;
  ClusterView view_;
  std::unique_ptr<NodePicker> indexed_, plain_;
  std::vector<SchedulingRequest> shapes_;
  std::vector<Placed> placed_;
  uint32_t next_id_ = 1;
  int64_t decided_[3] = {0, 0, 0};
};

class IndexedEqualsPlain : public testing::TestWithParam<std::string> {};

TEST_P(IndexedEqualsPlain, OverRandomClusterLives) {
  int64_t available = 0, feasible = 0, infeasible = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(GetParam(), seed);
    life.Run(120);
    if (HasFatalFailure()) return;
    available += life.decided(Placement::Kind::kAvailable);
    feasible += life.decided(Placement::Kind::kFeasible);
    infeasible += life.decided(Placement::Kind::kInfeasible);
  }
  // The lives must have met everything, else agreement says little.
  EXPECT_GT(available, 10'000);
  EXPECT_GT(feasible, 1'500);
  EXPECT_GT(infeasible, 500);
}

INSTANTIATE_TEST_SUITE_P(Policies, IndexedEqualsPlain, testing::ValuesIn(PolicyNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace orrery
