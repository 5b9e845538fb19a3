#include "sim/main/plan_search.h"

#include <algorithm>
#include <set>

namespace orrery {

namespace {

// Every combination of the lists' values, with "" where a range is.
std::vector<PlanPoint> Combinations(const std::vector<PlanAxis>& axes) {
  std::vector<PlanPoint> points = {{}};
  for (const PlanAxis& axis : axes) {
    std::vector<PlanPoint> longer;
    const std::vector<std::string> none = {""};
    for (const PlanPoint& point : points) {
      for (const std::string& value : axis.range() ? none : axis.values) {
        longer.push_back(point);
        longer.back().push_back(axis.range() ? "" : axis.key + "=" + value);
      }
    }
    points = std::move(longer);
  }
  return points;
}

// The range of one combination.
class Line {
 public:
  Line(const PlanRequest& request, PlanRuns& runs, PlanPoint point, size_t axis)
      : request_(request), runs_(runs), point_(std::move(point)), axis_(axis), range_(request.axes[axis]) {}

  // nullptr when not even the greatest value is good.
  Result<const PlanResult*> Search() {
    if (Status status = Run({range_.low, range_.high}); !status.ok()) return status;
    if (At(range_.low).ok) return Verify(range_.low);
    // Where the greatest fails, a smaller one may still be good; only trying tells.
    if (!At(range_.high).ok) return Spread();
    int64_t bad = range_.low, good = range_.high;
    while (good - bad > 1) {
      std::set<int64_t> probes;
      const auto parts = static_cast<int64_t>(request_.jobs) + 1;
      for (int64_t i = 1; i < parts; ++i) probes.insert(std::clamp(bad + (good - bad) * i / parts, bad + 1, good - 1));
      if (Status status = Run(probes); !status.ok()) return status;
      for (int64_t probe : probes) {
        if (!At(probe).ok) bad = std::max(bad, probe);
      }
      for (int64_t probe : probes) {
        if (At(probe).ok && probe > bad) {
          good = std::min(good, probe);
          break;
        }
      }
    }
    return Verify(good);
  }
  const std::string& explanation() const { return explanation_; }

 private:
  PlanPoint PointOf(int64_t value) const {
    PlanPoint point = point_;
    point[axis_] = range_.key + "=" + std::to_string(value);
    return point;
  }
  const PlanResult& At(int64_t value) const { return runs_.all().at(PointOf(value)); }
  Status Run(const std::set<int64_t>& values) {
    std::vector<PlanPoint> points;
    for (int64_t value : values) points.push_back(PointOf(value));
    tried_.insert(values.begin(), values.end());
    return runs_.Evaluate(points).status();
  }

  // Neighbours and a few far ones: below the answer none may be good, above it none bad.
  Result<const PlanResult*> Verify(int64_t answer) {
    std::set<int64_t> probes;
    const auto probe = [&](int64_t value) {
      if (value >= range_.low && value <= range_.high) probes.insert(value);
    };
    for (int64_t i = 1; i <= 4; ++i) probe(answer - i);
    for (int64_t i = 1; i <= 2; ++i) probe(answer + i);
    for (int64_t i = 1; i <= 2; ++i) {
      probe(range_.low + (answer - range_.low) * i / 3);
      probe(answer + (range_.high - answer) * i / 3);
    }
    if (Status status = Run(probes); !status.ok()) return status;
    bool monotone = true;
    for (int64_t value : probes) monotone = monotone && At(value).ok == (value >= answer);
    if (monotone) {
      explanation_ = range_.key + ": bisected, and verified with " + std::to_string(probes.size()) + " further values";
      return Cheapest(answer);
    }
    explanation_ = range_.key + ": more is not always better here, so every value below the bisected one was run";
    std::set<int64_t> below;
    for (int64_t value = range_.low; value < answer; ++value) below.insert(value);
    if (Status status = Run(below); !status.ok()) return status;
    for (int64_t value : below) {
      if (At(value).ok) return Cheapest(value);
    }
    return Cheapest(answer);
  }

  // The least good value costs least where more costs more; where it does not (nodes that come and go with the load),
  // all that is above it is run.
  Result<const PlanResult*> Cheapest(int64_t least) {
    bool rises = true;
    double before = 0;
    for (auto value = tried_.find(least); value != tried_.end(); before = At(*value++).cost)
      rises = rises && At(*value).cost >= before;
    if (rises) return &At(least);
    explanation_ += "; more does not always cost more, so every value above the least good one was run";
    std::set<int64_t> above;
    for (int64_t value = least; value <= range_.high; ++value) above.insert(value);
    if (Status status = Run(above); !status.ok()) return status;
    const PlanResult* best = &At(least);
    for (int64_t value : above) {
      if (At(value).ok && At(value).cost < best->cost) best = &At(value);
    }
    return best;
  }

  Result<const PlanResult*> Spread() {
    std::set<int64_t> probes;
    for (int64_t i = 1; i < 8; ++i) probes.insert(range_.low + (range_.high - range_.low) * i / 8);
    if (Status status = Run(probes); !status.ok()) return status;
    explanation_ = range_.key + ": neither the greatest value nor any of " + std::to_string(probes.size()) +
                   " spread over the range is good";
    for (int64_t value : probes) {
      if (!At(value).ok) continue;
      explanation_ = range_.key + ": the greatest value is not good, but " + std::to_string(value) +
                     " is; narrow the range around it";
      return &At(value);
    }
    return nullptr;
  }

  const PlanRequest& request_;
  PlanRuns& runs_;
  const PlanPoint point_;
  const size_t axis_;
  const PlanAxis& range_;
  std::set<int64_t> tried_;
  std::string explanation_;
};

}  // namespace

Result<PlanAnswer> SearchPlan(const PlanRequest& request, PlanRuns& runs) {
  const auto ranges = std::count_if(request.axes.begin(), request.axes.end(), [](const auto& a) { return a.range(); });
  if (ranges > 1) return Status(StatusCode::kInvalidArgument, "--vary takes one range; write the other axes as lists");
  const auto range = std::find_if(request.axes.begin(), request.axes.end(), [](const auto& a) { return a.range(); });
  std::vector<PlanPoint> combinations = Combinations(request.axes);
  std::vector<const PlanResult*> candidates;
  PlanAnswer answer;
  if (range == request.axes.end()) {
    auto results = runs.Evaluate(combinations);
    if (!results.ok()) return results.status();
    candidates = std::move(*results);
    answer.explanation = "all " + std::to_string(combinations.size()) + " points were run";
  }
  for (size_t i = 0; range != request.axes.end() && i < combinations.size(); ++i) {
    Line line(request, runs, combinations[i], static_cast<size_t>(range - request.axes.begin()));
    auto found = line.Search();
    if (!found.ok()) return found.status();
    candidates.push_back(*found);
    if (answer.explanation.find(line.explanation()) != std::string::npos) continue;
    answer.explanation += (answer.explanation.empty() ? "" : "; ") + line.explanation();
  }
  for (const PlanResult* candidate : candidates) {
    const bool better =
        candidate != nullptr && candidate->ok && (answer.best == nullptr || candidate->cost < answer.best->cost);
    if (better) answer.best = candidate;
  }
  return answer;
}

}  // namespace orrery
