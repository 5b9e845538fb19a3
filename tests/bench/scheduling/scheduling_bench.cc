// Placement decisions per second, by policy and cluster size, in a steady state: a task ends, another is placed. The
// ceiling is the same loop without a decision (the view's own bookkeeping); the plain policy, which looks at every
// node, is shown beside.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "runtime/scheduling/node_picker.h"
#include "runtime/scheduling/plain_policy.h"
#include "tests/bench/report.h"

namespace orrery {
namespace {

constexpr uint64_t kSeed = 1;

ResourceSet Amounts(double cpu, double gpu, int64_t gib) {
  return ResourceSet()
      .Set(ResourceKind::kCpu, FixedPoint::FromDouble(cpu))
      .Set(ResourceKind::kGpu, FixedPoint::FromDouble(gpu))
      .Set(ResourceKind::kMemory, FixedPoint::Whole(gib << 30));
}

// A third of the nodes has no GPU, the others 2, 4 or 8.
void FillCluster(uint32_t nodes, ClusterView& view) {
  constexpr double kGpus[] = {0, 2, 8, 0, 4, 8};
  for (uint32_t id = 1; id <= nodes; ++id) {
    const double gpus = kGpus[id % 6];
    view.AddNode(NodeId{id}, Amounts(gpus == 8 ? 128 : 64, gpus, 512));
  }
}

// A third without GPU, half with a part of one, the rest with whole ones.
std::vector<SchedulingRequest> MakeShapes(int count) {
  Random random(kSeed);
  std::vector<SchedulingRequest> shapes;
  for (int i = 0; i < count; ++i) {
    const double part = 0.05 * static_cast<double>(2 + random.Below(17));
    const double whole = static_cast<double>(1 << random.Below(4));
    const double gpu = i % 3 == 0 ? 0 : i % 6 == 5 ? whole : part;
    const double cpu = static_cast<double>(1 + random.Below(16));
    shapes.push_back({Amounts(cpu, gpu, static_cast<int64_t>(1 + random.Below(64))), {}});
  }
  return shapes;
}

class SteadyState {
 public:
  SteadyState(std::unique_ptr<PlacementPolicy> policy, uint32_t nodes, int shapes)
      : policy_(std::move(policy)), shapes_(MakeShapes(shapes)) {
    FillCluster(nodes, view_);
    // Six tasks per node fill about half of it.
    for (uint32_t i = 0; i < nodes * 6; ++i) Place();
  }
  void Step() {
    Finish();
    Place();
  }
  // Bookkeeping only: a task ends and comes back where it was.
  void StepWithoutDeciding() {
    const Task& task = tasks_[random_.Below(tasks_.size())];
    const ResourceSet& resources = shapes_[task.shape].resources;
    view_.Restore(task.node, resources, task.gpus);
    view_.Deduct(task.node, resources, task.gpus);
  }

 private:
  struct Task {
    NodeId node;
    size_t shape;
    GpuAllocation gpus;
  };
  void Place() {
    const size_t shape = random_.Below(shapes_.size());
    const NodeId preferred = view_.ids()[random_.Below(view_.size())];
    const Placement placement = policy_->Pick(view_, {shapes_[shape], preferred}, random_);
    if (placement.kind != Placement::Kind::kAvailable) return;
    auto gpus = policy_->PickGpus(*view_.Find(placement.node), shapes_[shape].resources, random_);
    view_.Deduct(placement.node, shapes_[shape].resources, *gpus);
    tasks_.push_back({placement.node, shape, std::move(*gpus)});
  }
  void Finish() {
    std::swap(tasks_[random_.Below(tasks_.size())], tasks_.back());
    view_.Restore(tasks_.back().node, shapes_[tasks_.back().shape].resources, tasks_.back().gpus);
    tasks_.pop_back();
  }
  ClusterView view_;
  std::unique_ptr<PlacementPolicy> policy_;
  std::vector<SchedulingRequest> shapes_;
  std::vector<Task> tasks_;
  Random random_{kSeed};
};

// Calls per second of CPU time (others may share the machine), measured for about `seconds`.
template <class Call>
double RatePerSecond(double seconds, Call call) {
  const std::clock_t begin = std::clock();
  int64_t calls = 0;
  double elapsed = 0;
  for (int64_t batch = 1; elapsed < seconds; batch = std::min<int64_t>(batch * 2, 4096)) {
    for (int64_t i = 0; i < batch; ++i) call();
    calls += batch;
    elapsed = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  }
  return static_cast<double>(calls) / elapsed;
}

struct Figures {
  double indexed = 0, plain = 0, ceiling = 0;
};
Figures Measure(const std::string& policy, uint32_t nodes, int shapes, double seconds) {
  PolicyOptions options;
  std::vector<TypicalPod> typical;
  for (const SchedulingRequest& shape : MakeShapes(shapes)) typical.push_back({shape.resources, {}, 1});
  options.typical_pods = typical;
  Figures figures;
  SteadyState steady(MakePolicy(policy, options).value(), nodes, shapes);
  figures.ceiling = RatePerSecond(seconds / 2, [&] { steady.StepWithoutDeciding(); });
  for (int i = 0; i < 4 * shapes; ++i) steady.Step();  // every shape has its index now
  figures.indexed = RatePerSecond(seconds, [&] { steady.Step(); });
  // Filled by the indexed policy's equal: the plain one would need minutes to fill the greatest cluster.
  class Switch : public PlacementPolicy {
   public:
    Switch(std::unique_ptr<PlacementPolicy> first, std::unique_ptr<PlacementPolicy> then)
        : first_(std::move(first)), then_(std::move(then)) {}
    Placement Pick(const ClusterView& v, const PickContext& c, Random& r) override { return now().Pick(v, c, r); }
    GpuChoice gpu_choice() const override { return first_->gpu_choice(); }
    const FragmentModel* fragment_model() const override { return first_->fragment_model(); }
    bool switched = false;

   private:
    PlacementPolicy& now() { return switched ? *then_ : *first_; }
    std::unique_ptr<PlacementPolicy> first_, then_;
  };
  auto both = std::make_unique<Switch>(MakePolicy(policy, options).value(), MakePlainPolicy(policy, options).value());
  Switch& plain = *both;
  SteadyState slow(std::move(both), nodes, shapes);
  plain.switched = true;
  figures.plain = RatePerSecond(seconds / 2, [&] { slow.Step(); });
  return figures;
}

int Main(int argc, char** argv) {
  const BenchOptions options = BenchOptions::Parse(argc, argv, {.seconds = 0.5});
  const Report report(options, "placement decisions, one core", "ceiling", "scheduling.");
  for (const std::string& policy : PolicyNames()) {
    for (const uint32_t nodes : {100u, 1'000u, 10'000u}) {
      for (const int shapes : {1, 24}) {
        const Figures figures = Measure(policy, nodes, shapes, options.seconds);
        const std::string name = policy + "." + std::to_string(nodes) + "_nodes." + std::to_string(shapes) + "_shapes";
        report.Print(name, figures.indexed, "decisions/s", figures.ceiling);
        report.Print(name + ".plain", figures.plain, "decisions/s", figures.ceiling);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace orrery

int main(int argc, char** argv) { return orrery::Main(argc, argv); }
