#include "runtime/scheduling/bundle_search.h"

#include <algorithm>
#include <utility>

namespace orrery {

namespace {
constexpr size_t kMaxBundlesToSearch = 256;  // the depth of the recursion

class Search {
 public:
  Search(BundleProblem& problem, const std::vector<size_t>& rooms, int64_t& steps)
      : problem_(problem), rooms_(rooms), steps_(steps), position_(problem.items().size()) {}

  BundleSolution Place(size_t item) {
    if (item == problem_.items().size()) return BundleSolution::kFound;
    const bool as_before = item > 0 && problem_.items()[item].shape == problem_.items()[item - 1].shape;
    std::vector<size_t> tried;
    for (size_t i = as_before ? position_[item - 1] : 0; i < rooms_.size(); ++i) {
      if (--steps_ < 0) return BundleSolution::kCutShort;
      if (!problem_.Fits(problem_.ShapeOf(item), rooms_[i]) || TriedEqual(tried, rooms_[i])) continue;
      tried.push_back(rooms_[i]);
      position_[item] = i;
      for (GpuAllocation& gpus : GpuChoices(item, rooms_[i])) {
        problem_.Put(item, rooms_[i], std::move(gpus));
        const BundleSolution solution = Place(item + 1);
        if (solution == BundleSolution::kFound) return solution;
        problem_.TakeBack(item);
        if (solution == BundleSolution::kCutShort) return solution;
      }
    }
    return BundleSolution::kNone;
  }

 private:
  bool TriedEqual(const std::vector<size_t>& tried, size_t room) {
    steps_ -= static_cast<int64_t>(tried.size());
    return std::any_of(tried.begin(), tried.end(), [&](size_t t) { return problem_.SameRoom(t, room); });
  }

  // A share can go on any GPU with enough left, and GPUs with equally much left are one; whole GPUs are all alike.
  std::vector<GpuAllocation> GpuChoices(size_t item, size_t room) const {
    const FixedPoint asked = problem_.ShapeOf(item).gpus;
    const GpuFree& free = problem_.rooms()[room].gpu_free;
    if (asked.raw == 0 || asked >= FixedPoint::Whole(1)) {
      Random unused;
      return {*ChooseGpus(asked, free, GpuChoice::kLeastLeft, unused)};
    }
    std::vector<GpuAllocation> choices;
    std::vector<FixedPoint> seen;
    for (uint32_t gpu = 0; gpu < free.size(); ++gpu) {
      if (free[gpu] < asked || std::find(seen.begin(), seen.end(), free[gpu]) != seen.end()) continue;
      seen.push_back(free[gpu]);
      choices.push_back({{{gpu, asked}}});
    }
    return choices;
  }

  BundleProblem& problem_;
  const std::vector<size_t>& rooms_;
  int64_t& steps_;
  std::vector<size_t> position_;  // [item]: in rooms_
};

class Matching {
 public:
  explicit Matching(const BundleProblem& problem)
      : problem_(problem), holder_(problem.rooms().size(), kNobody), seen_(problem.rooms().size(), kNobody) {
    for (const BundleShape& shape : problem.shapes()) candidates_.push_back(Candidates(shape));
  }

  bool Match() {
    for (size_t item = 0; item < problem_.items().size(); ++item) {
      if (!Assign(item, item)) return false;
    }
    return true;
  }
  // [room]: the item there, or kNobody.
  const std::vector<size_t>& holder() const { return holder_; }
  static constexpr size_t kNobody = SIZE_MAX;

 private:
  // Best first, and no more than there are items: a bundle that were matched beyond could move to one of these that is
  // free.
  std::vector<size_t> Candidates(const BundleShape& shape) const {
    std::vector<std::pair<double, size_t>> scored;  // minus the score
    for (size_t room = 0; room < problem_.rooms().size(); ++room) {
      if (problem_.rooms()[room].bundles > 0 || !problem_.Fits(shape, room)) continue;
      scored.emplace_back(-problem_.Score(shape, room), room);
    }
    const size_t kept = std::min(scored.size(), problem_.items().size());
    std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(kept), scored.end());
    std::vector<size_t> rooms;
    for (size_t i = 0; i < kept; ++i) rooms.push_back(scored[i].second);
    return rooms;
  }

  // Gives the item a room, moving others where that helps. `round` marks the rooms seen.
  bool Assign(size_t item, size_t round) {
    const std::vector<size_t>& rooms = candidates_[problem_.items()[item].shape];
    for (const size_t room : rooms) {
      if (holder_[room] != kNobody) continue;
      holder_[room] = item;
      return true;
    }
    for (const size_t room : rooms) {
      if (seen_[room] == round) continue;
      seen_[room] = round;
      if (!Assign(holder_[room], round)) continue;
      holder_[room] = item;
      return true;
    }
    return false;
  }

  const BundleProblem& problem_;
  std::vector<std::vector<size_t>> candidates_;  // [shape]
  std::vector<size_t> holder_;
  std::vector<size_t> seen_;
};
}  // namespace

BundleSolution SearchBundles(BundleProblem& problem, const std::vector<size_t>& rooms, int64_t& steps) {
  if (problem.items().size() > kMaxBundlesToSearch) return BundleSolution::kCutShort;
  return Search(problem, rooms, steps).Place(0);
}

BundleSolution MatchBundles(BundleProblem& problem) {
  Matching matching(problem);
  if (!matching.Match()) return BundleSolution::kNone;
  for (size_t room = 0; room < problem.rooms().size(); ++room) {
    if (matching.holder()[room] != Matching::kNobody) problem.Put(matching.holder()[room], room);
  }
  return BundleSolution::kFound;
}

}  // namespace orrery
