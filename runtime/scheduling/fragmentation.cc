#include "runtime/scheduling/fragmentation.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "runtime/common/assert.h"

namespace orrery {

namespace {
constexpr FixedPoint kOneGpu = FixedPoint::Whole(1);
constexpr double kRawPerMilli = FixedPoint::kUnit / 1000.0;

FixedPoint IdleGpus(const GpuFree& free) {
  FixedPoint sum;
  for (const FixedPoint left : free) sum += left;
  return sum;
}

int64_t Sigmoid100(double x) { return static_cast<int64_t>(100.0 / (1.0 + std::exp(-x))); }

// F(before) − F(after) in GPUs, through the sigmoid. The division is the only rounding.
int64_t ScoreChange(const FragmentModel& model, int64_t before, int64_t after) {
  if (model.empty()) return Sigmoid100(0);
  return Sigmoid100(static_cast<double>(before - after) /
                    (static_cast<double>(model.total_weight()) * FixedPoint::kUnit));
}
}  // namespace

std::vector<TypicalPod> MostFrequent(const std::vector<TypicalPod>& seen, int64_t coverage_percent) {
  std::map<std::tuple<FixedPoint, FixedPoint, LabelSelector>, int64_t> counts;
  int64_t total = 0;
  for (const TypicalPod& pod : seen) {
    counts[{pod.resources.Get(ResourceKind::kCpu), pod.resources.Get(ResourceKind::kGpu), pod.labels}] += pod.count;
    total += pod.count;
  }
  std::vector<TypicalPod> shapes;
  for (auto it = counts.rbegin(); it != counts.rend(); ++it) {
    const auto& [cpu, gpu, labels] = it->first;
    shapes.push_back({ResourceSet().Set(ResourceKind::kCpu, cpu).Set(ResourceKind::kGpu, gpu), labels, it->second});
  }
  std::stable_sort(shapes.begin(), shapes.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  int64_t covered = 0;
  size_t kept = 0;
  while (kept < shapes.size() && covered * 100 < total * coverage_percent) covered += shapes[kept++].count;
  shapes.resize(kept);
  return shapes;
}

FragmentModel::FragmentModel(const std::vector<TypicalPod>& typical) {
  std::map<std::tuple<FixedPoint, int64_t, LabelSelector>, std::map<FixedPoint, int64_t>> grouped;
  for (const TypicalPod& pod : typical) {
    const FixedPoint gpu = pod.resources.Get(ResourceKind::kGpu);
    total_weight_ += pod.count;
    if (gpu.raw <= 0) {
      unfit_weight_ += pod.count;
      continue;
    }
    const bool whole = gpu >= kOneGpu;
    grouped[{whole ? kOneGpu : gpu, whole ? gpu.raw / FixedPoint::kUnit : 1, pod.labels}]
           [pod.resources.Get(ResourceKind::kCpu)] += pod.count;
  }
  for (const auto& [key, by_cpu] : grouped) {
    Demand demand{std::get<0>(key), std::get<1>(key), std::get<2>(key), {}, {}};
    int64_t sum = 0;
    for (const auto& [cpu, count] : by_cpu) {
      demand.cpus.push_back(cpu);
      demand.weight_up_to.push_back(sum += count);
    }
    demands_.push_back(std::move(demand));
  }
}

int64_t FragmentModel::Demand::WeightFitting(FixedPoint cpu_free) const {
  const auto end = std::upper_bound(cpus.begin(), cpus.end(), cpu_free);
  return end == cpus.begin() ? 0 : weight_up_to[static_cast<size_t>(end - cpus.begin()) - 1];
}

int64_t FragmentModel::WeightedFragment(const FragmentNode& node) const {
  const int64_t idle = IdleGpus(*node.gpu_free).raw;
  if (idle == 0) return 0;
  int64_t sum = unfit_weight_ * idle;
  int64_t share = -1, enough = 0, too_little = 0;
  for (const Demand& demand : demands_) {
    if (demand.share.raw != share) {  // demands are sorted by share: count the GPUs once per share
      share = demand.share.raw;
      enough = too_little = 0;
      for (const FixedPoint left : *node.gpu_free) {
        if (left.raw >= share)
          ++enough;
        else
          too_little += left.raw;
      }
    }
    const int64_t weight = demand.weight_up_to.back();
    const bool labels_match =
        demand.labels.empty() || Matches(demand.labels, node.labels != nullptr ? *node.labels : Labels{});
    const int64_t fitting = enough >= demand.gpus && labels_match ? demand.WeightFitting(node.cpu_free) : 0;
    sum += fitting * too_little + (weight - fitting) * idle;
  }
  return sum;
}

double FragmentModel::FragmentMilli(const FragmentNode& node) const {
  if (empty()) return 0;
  return static_cast<double>(WeightedFragment(node)) / static_cast<double>(total_weight_) / kRawPerMilli;
}

FgdChoice ScoreFgd(const FragmentModel& model, const FragmentNode& node, const ResourceSet& request) {
  const FixedPoint gpu = request.Get(ResourceKind::kGpu);
  const int64_t before = model.WeightedFragment(node);
  GpuFree free = *node.gpu_free;
  const FragmentNode after{node.cpu_free - request.Get(ResourceKind::kCpu), &free, node.labels};
  if (gpu.raw <= 0 || gpu >= kOneGpu) {
    int64_t needed = gpu.raw / FixedPoint::kUnit;
    for (size_t i = 0; i < free.size() && needed > 0; ++i) {
      if (free[i] != kOneGpu) continue;
      free[i] = {};
      --needed;
    }
    return {ScoreChange(model, before, model.WeightedFragment(after)), 0};
  }
  FgdChoice best{-1, 0};
  for (uint32_t i = 0; i < free.size(); ++i) {
    if (free[i] < gpu) continue;
    // An earlier GPU with as much left gave the same score, and ties go to the least index.
    if (std::find(free.begin(), free.begin() + i, free[i]) != free.begin() + i) continue;
    free[i] -= gpu;
    const int64_t score = ScoreChange(model, before, model.WeightedFragment(after));
    free[i] += gpu;
    if (score > best.score) best = {score, i};
  }
  ORRERY_ASSERT(best.score >= 0);
  return best;
}

std::optional<GpuAllocation> ChooseGpusFgd(const FragmentModel& model, const FragmentNode& node,
                                           const ResourceSet& request) {
  const FixedPoint gpu = request.Get(ResourceKind::kGpu);
  if (gpu.raw <= 0 || gpu >= kOneGpu || !GpusFit(gpu, *node.gpu_free)) {
    Random unused;
    return ChooseGpus(gpu, *node.gpu_free, GpuChoice::kLeastLeft, unused);
  }
  return GpuAllocation{{{ScoreFgd(model, node, request).gpu, gpu}}};
}

bool TypicalPodsLearner::Observe(const ResourceSet& resources, const LabelSelector& labels) {
  const Shape shape{resources.Get(ResourceKind::kCpu), resources.Get(ResourceKind::kGpu), labels};
  if (auto it = counts_.find(shape); it != counts_.end()) {
    ++it->second;
  } else if (counts_.size() < kMaxShapes) {
    counts_.emplace(shape, 1);
  }
  if (++seen_ < next_model_at_) return false;
  next_model_at_ = seen_ * 2;
  if (seen_ >= kHalveAt) HalveCounts();
  Rebuild();
  return true;
}

void TypicalPodsLearner::HalveCounts() {
  for (auto it = counts_.begin(); it != counts_.end();) {
    it->second /= 2;
    it = it->second == 0 ? counts_.erase(it) : std::next(it);
  }
  seen_ /= 2;
  next_model_at_ = kHalveAt;
}

void TypicalPodsLearner::Rebuild() {
  std::vector<TypicalPod> seen;
  for (const auto& [shape, count] : counts_) {
    seen.push_back(
        {ResourceSet().Set(ResourceKind::kCpu, shape.cpu).Set(ResourceKind::kGpu, shape.gpu), shape.labels, count});
  }
  model_ = FragmentModel(MostFrequent(seen));
}

}  // namespace orrery
