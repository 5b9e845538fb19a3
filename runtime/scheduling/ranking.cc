#include "runtime/scheduling/ranking.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "runtime/scheduling/fit.h"

namespace orrery {

namespace {
constexpr FixedPoint kOneGpu = FixedPoint::Whole(1);
constexpr int64_t kMaxScore = 100;

// Floats that are not negative order like their bits, which stay below RankKey::kBusy. (Ray's scores are floats too.)
uint32_t OrderOf(double not_negative) { return std::bit_cast<uint32_t>(static_cast<float>(not_negative)); }

class HybridRanking : public Ranking {
 public:
  explicit HybridRanking(const PolicyOptions& options)
      : threshold_(options.spread_threshold), avoid_gpu_nodes_(options.avoid_gpu_nodes) {}
  Selection selection() const override { return Selection::kTopK; }
  uint32_t Order(const NodeView& node, const ResourceSet&, bool) const override {
    return OrderOf(TruncateScore(HybridScore(node.total, node.available), threshold_));
  }
  bool avoids_gpu_nodes() const override { return avoid_gpu_nodes_; }

 private:
  double threshold_;
  bool avoid_gpu_nodes_;
};

// Spread and random: candidates are equal but for their ids.
class UnorderedRanking : public Ranking {
 public:
  explicit UnorderedRanking(Selection selection) : selection_(selection) {}
  Selection selection() const override { return selection_; }
  uint32_t Order(const NodeView&, const ResourceSet&, bool) const override { return 0; }
  GpuChoice gpu_choice() const override {
    return selection_ == Selection::kUniform ? GpuChoice::kRandom : GpuChoice::kLeastLeft;
  }

 private:
  Selection selection_;
};

// Highest score first; busy nodes by load.
class ScoredRanking : public Ranking {
 public:
  explicit ScoredRanking(PolicyOptions options) : options_(std::move(options)) {}
  Selection selection() const override { return Selection::kFirst; }
  uint32_t Order(const NodeView& node, const ResourceSet& request, bool available) const override {
    if (!available) return OrderOf(HybridScore(node.total, node.available));
    return static_cast<uint32_t>(kMaxScore - std::clamp(Score(node, request), int64_t{0}, kMaxScore));
  }

 protected:
  virtual int64_t Score(const NodeView& node, const ResourceSet& request) const = 0;
  const PolicyOptions options_;
};

class BestFitRanking : public ScoredRanking {
  using ScoredRanking::ScoredRanking;
  int64_t Score(const NodeView& node, const ResourceSet& request) const override {
    return ScoreBestFit(node, request, options_);
  }
};

class DotProductRanking : public ScoredRanking {
  using ScoredRanking::ScoredRanking;
  int64_t Score(const NodeView& node, const ResourceSet& request) const override {
    return ScoreDotProduct(node, request, options_);
  }
};

class GpuPackingRanking : public ScoredRanking {
  using ScoredRanking::ScoredRanking;
  int64_t Score(const NodeView& node, const ResourceSet& request) const override {
    return ScoreGpuPacking(node, request);
  }
};

class FgdRanking : public ScoredRanking {
 public:
  explicit FgdRanking(PolicyOptions options) : ScoredRanking(std::move(options)) {
    if (options_.typical_pods) given_ = FragmentModel(*options_.typical_pods);
  }
  GpuChoice gpu_choice() const override { return GpuChoice::kFgd; }
  const FragmentModel* fragment_model() const override { return given_ ? &*given_ : &learner_.model(); }
  bool OnPlaced(const SchedulingRequest& request) override {
    return !given_ && learner_.Observe(request.resources, request.strategy.hard_labels);
  }

 private:
  int64_t Score(const NodeView& node, const ResourceSet& request) const override {
    return ScoreFgd(*fragment_model(), {node.available.Get(ResourceKind::kCpu), &node.gpu_free, &node.labels}, request)
        .score;
  }
  std::optional<FragmentModel> given_;
  TypicalPodsLearner learner_;
};

double GpuFreeSum(const NodeView& node) {
  FixedPoint sum;
  for (const FixedPoint left : node.gpu_free) sum += left;
  return sum.value();
}

// Free GPUs of 1 to use, and the left shares of the started ones used, when the fullest that fit are taken first.
struct PackingUse {
  int64_t whole = 0;
  int64_t left_percent = 0;
};
PackingUse UseFullestFirst(const GpuFree& free, FixedPoint share, int64_t gpus) {
  GpuFree fitting;
  for (const FixedPoint left : free) {
    if (left >= share) fitting.push_back(left);
  }
  std::sort(fitting.begin(), fitting.end());
  PackingUse use;
  for (int64_t i = 0; i < gpus && i < static_cast<int64_t>(fitting.size()); ++i) {
    if (fitting[static_cast<size_t>(i)] == kOneGpu) ++use.whole;
    use.left_percent += fitting[static_cast<size_t>(i)].raw * 100 / FixedPoint::kUnit;
  }
  return use;
}
}  // namespace

bool IsCandidate(const NodeView& node, const ResourceSet& request, const LabelSelector& labels) {
  return node.id && !node.draining && FitsEver(request, node.total) && (labels.empty() || Matches(labels, node.labels));
}

RankKey RankCandidate(const Ranking& ranking, const NodeView& node, const ResourceSet& request) {
  const bool available = FitsNow(request, node.available, node.gpu_free);
  const uint32_t order = ranking.Order(node, request, available);
  return {available ? order : order | RankKey::kBusy, node.id.value};
}

RankKey RankNode(const Ranking& ranking, const NodeView& node, const ResourceSet& request,
                 const LabelSelector& labels) {
  return IsCandidate(node, request, labels) ? RankCandidate(ranking, node, request) : RankKey{};
}

uint64_t TopK(const PolicyOptions& options, size_t nodes) {
  const auto fraction = static_cast<int64_t>(std::floor(options.top_k_fraction * static_cast<double>(nodes)));
  return static_cast<uint64_t>(std::max({int64_t{1}, options.top_k_absolute, fraction}));
}

std::unique_ptr<Ranking> MakeRanking(std::string_view name, const PolicyOptions& options) {
  if (name == "hybrid") return std::make_unique<HybridRanking>(options);
  if (name == "spread") return std::make_unique<UnorderedRanking>(Selection::kRoundRobin);
  if (name == "random") return std::make_unique<UnorderedRanking>(Selection::kUniform);
  if (name == "best_fit") return std::make_unique<BestFitRanking>(options);
  if (name == "dot_product") return std::make_unique<DotProductRanking>(options);
  if (name == "gpu_packing") return std::make_unique<GpuPackingRanking>(options);
  if (name == "fgd") return std::make_unique<FgdRanking>(options);
  return nullptr;
}

// 100·(1 − ½·(cpu free − asked)/largest − ½·(GPU free − asked)/largest): what would be left, the less the better.
int64_t ScoreBestFit(const NodeView& node, const ResourceSet& request, const PolicyOptions& options) {
  const double cpu = (node.available.Get(ResourceKind::kCpu) - request.Get(ResourceKind::kCpu)).value();
  const double gpu = GpuFreeSum(node) - request.Get(ResourceKind::kGpu).value();
  const double left = cpu / options.largest_cpu * 0.5 + gpu / options.largest_gpu * 0.5;
  return static_cast<int64_t>((1.0 - left) * static_cast<double>(kMaxScore));
}

// 100·(1 − ½·(cpu free·asked/largest² + GPU free·asked/largest²)): Tetris' alignment, turned round to pack.
int64_t ScoreDotProduct(const NodeView& node, const ResourceSet& request, const PolicyOptions& options) {
  const double cpu = node.available.Get(ResourceKind::kCpu).value() / options.largest_cpu *
                     (request.Get(ResourceKind::kCpu).value() / options.largest_cpu);
  const double gpu =
      GpuFreeSum(node) / options.largest_gpu * (request.Get(ResourceKind::kGpu).value() / options.largest_gpu);
  return static_cast<int64_t>(static_cast<double>(kMaxScore) * (1.0 - (cpu + gpu) / 2.0));
}

// Started GPUs first (100 less a tenth of the percent left on those used, at least 50), then free GPUs of a used node
// (50 less their number, at least 33), then empty nodes (33 less their size, but at least their size). Requests
// without GPU: 0.
int64_t ScoreGpuPacking(const NodeView& node, const ResourceSet& request) {
  const FixedPoint gpu = request.Get(ResourceKind::kGpu);
  if (gpu.raw <= 0) return 0;
  const int64_t whole_free = std::count(node.gpu_free.begin(), node.gpu_free.end(), kOneGpu);
  if (whole_free == static_cast<int64_t>(node.gpu_free.size())) return std::max(kMaxScore / 3 - whole_free, whole_free);
  const bool shared = gpu < kOneGpu;
  const PackingUse use =
      UseFullestFirst(node.gpu_free, shared ? gpu : kOneGpu, shared ? 1 : gpu.raw / FixedPoint::kUnit);
  if (use.whole > 0) return std::max(kMaxScore / 2 - use.whole, kMaxScore / 3);
  return std::max(kMaxScore - use.left_percent / 10, kMaxScore / 2);
}

}  // namespace orrery
