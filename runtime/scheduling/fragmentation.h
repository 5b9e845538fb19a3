// How many idle GPUs of a node the usual requests cannot use: the measure behind FGD (fragmentation gradient descent),
// from Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent",
// USENIX ATC 2023.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/common/resources.h"
#include "runtime/scheduling/gpu_instances.h"

namespace orrery {

// A request shape and how often it was seen. Only its CPU, GPU and hard labels matter here.
struct TypicalPod {
  ResourceSet resources;
  LabelSelector labels;
  int64_t count = 1;
};

// The most frequent shapes that together cover at least `coverage_percent` of all requests (equal shapes in `seen` are
// added up; ties in frequency: the larger request first). The paper uses 95.
std::vector<TypicalPod> MostFrequent(const std::vector<TypicalPod>& seen, int64_t coverage_percent = 95);

// What of a node decides its fragmentation. Pointers are borrowed for the call; labels may be null (none).
struct FragmentNode {
  FixedPoint cpu_free;
  const GpuFree* gpu_free = nullptr;
  const Labels* labels = nullptr;
};

// The popularity-weighted fragment of a node. All sums are integers, so results do not depend on any order.
class FragmentModel {
 public:
  FragmentModel() = default;
  explicit FragmentModel(const std::vector<TypicalPod>& typical);

  bool empty() const { return total_weight_ == 0; }
  // Sum over the typical pods of count × the idle GPU share that a pod of that kind cannot use here: all of it when
  // the pod does not fit (too little CPU, too few GPUs with enough left, wrong labels) or uses no GPU, else that of
  // the GPUs with too little left for it. Unit: count × 1/10,000 GPU.
  int64_t WeightedFragment(const FragmentNode& node) const;
  // The same, as the expected idle GPUs lost, in thousandths of a GPU.
  double FragmentMilli(const FragmentNode& node) const;
  int64_t total_weight() const { return total_weight_; }

 private:
  // Pods that ask for the same GPUs under the same labels; they differ in CPU only.
  struct Demand {
    FixedPoint share;      // per GPU
    int64_t gpus = 1;      // how many
    LabelSelector labels;
    std::vector<FixedPoint> cpus;          // ascending
    std::vector<int64_t> weight_up_to;     // weight of the pods with CPU ≤ cpus[i]
    int64_t WeightFitting(FixedPoint cpu_free) const;
  };
  std::vector<Demand> demands_;
  int64_t unfit_weight_ = 0;  // pods without GPU: for them every idle GPU is a fragment
  int64_t total_weight_ = 0;
};

// FGD's score of putting `request` on `node`: 100·sigmoid((F(before) − F(after)) / 1000 milliGPU), truncated; for a
// fraction the best over the GPUs that fit, least index on ties. `request` must fit now.
struct FgdChoice {
  int64_t score = 0;   // 0 … 100
  uint32_t gpu = 0;    // for fractions only
};
FgdChoice ScoreFgd(const FragmentModel& model, const FragmentNode& node, const ResourceSet& request);

// The GPUs that FGD would give: ScoreFgd's for a fraction, the free ones of least index for whole ones.
std::optional<GpuAllocation> ChooseGpusFgd(const FragmentModel& model, const FragmentNode& node,
                                           const ResourceSet& request);

// Learns the typical requests of a live cluster from those it places. Bounded: at most kMaxShapes shapes; counts are
// halved at kHalveAt requests, so that old habits fade. The model is rebuilt each time the number of requests has
// doubled, and at each halving: rarely, because every rebuild invalidates all scores.
class TypicalPodsLearner {
 public:
  static constexpr size_t kMaxShapes = 1024;
  static constexpr int64_t kFirstModelAt = 16;
  static constexpr int64_t kHalveAt = 65'536;

  // Counts one placed request; true when the model changed.
  bool Observe(const ResourceSet& resources, const LabelSelector& labels);
  const FragmentModel& model() const { return model_; }

 private:
  struct Shape {
    FixedPoint cpu, gpu;
    LabelSelector labels;
    auto operator<=>(const Shape&) const = default;
  };
  void HalveCounts();
  void Rebuild();
  std::map<Shape, int64_t> counts_;
  int64_t seen_ = 0;
  int64_t next_model_at_ = kFirstModelAt;
  FragmentModel model_;
};

}  // namespace orrery
