#include "sim/workload/pattern.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace orrery {

namespace {

using Input = DagSpec::Input;

class Builder {
 public:
  Builder(const PatternSpec& spec, Random& random) : spec_(spec), random_(random) { dag_.at = spec.at; }

  DagSpec Build() {
    switch (spec_.kind) {
      case PatternSpec::Kind::kBroadcast: Broadcast(); break;
      case PatternSpec::Kind::kShuffle: Shuffle(); break;
      case PatternSpec::Kind::kAllReduce: AllReduce(); break;
      case PatternSpec::Kind::kSpill: Spill(); break;
      case PatternSpec::Kind::kHot: Hot(); break;
      case PatternSpec::Kind::kChain: Chain(); break;
    }
    return std::move(dag_);
  }

 private:
  // A task that takes `inputs` and makes `outputs` objects; its index.
  int64_t Add(const TaskSpec& task, const std::string& name, std::vector<Input> inputs, int64_t outputs) {
    const auto index = static_cast<int64_t>(dag_.tasks.size());
    DagSpec::Node node;
    node.task = task;
    node.task.name = name + "-" + std::to_string(counts_[name]++);
    node.task.outputs.assign(static_cast<size_t>(outputs), spec_.size);
    node.inputs = std::move(inputs);
    dag_.tasks.push_back(std::move(node));
    dag_.order.push_back(index);
    return index;
  }
  std::vector<int64_t> Makers(const std::string& name, int64_t count, int64_t outputs) {
    std::vector<int64_t> makers;
    for (int64_t i = 0; i < count; ++i) makers.push_back(Add(spec_.task, name, {}, outputs));
    return makers;
  }

  void Broadcast() {
    DagSpec::Node put;
    put.put = true;
    put.task.name = "object";
    put.task.outputs = {spec_.size};
    dag_.tasks.push_back(std::move(put));
    for (int64_t i = 0; i < spec_.readers; ++i) {
      TaskSpec consumer = spec_.reader;
      if (spec_.nodes > 0) {
        consumer.strategy.kind = SchedulingStrategy::Kind::kNodeAffinity;
        consumer.strategy.affinity_node = static_cast<uint32_t>(i % spec_.nodes);
      }
      Add(consumer, "consume", {{0, 0}}, 0);
    }
  }

  void Shuffle() {
    const std::vector<int64_t> maps = Makers("map", spec_.objects, spec_.readers);
    for (int64_t r = 0; r < spec_.readers; ++r) {
      std::vector<Input> parts;
      for (const int64_t map : maps) parts.push_back({map, r});
      Add(spec_.reader, "reduce", std::move(parts), 0);
    }
  }

  void AllReduce() {
    std::vector<int64_t> level = Makers("contribute", spec_.width, 1);
    while (level.size() > 1) {
      std::vector<int64_t> next;
      for (size_t begin = 0; begin < level.size(); begin += static_cast<size_t>(spec_.fan_in)) {
        const size_t end = std::min(level.size(), begin + static_cast<size_t>(spec_.fan_in));
        std::vector<Input> values;
        for (size_t i = begin; i < end; ++i) values.push_back({level[i], 0});
        next.push_back(end - begin == 1 ? level[begin] : Add(spec_.task, "combine", std::move(values), 1));
      }
      level = std::move(next);
    }
    for (int64_t i = 0; i < spec_.width; ++i) Add(spec_.reader, "get", {{level.front(), 0}}, 0);
  }

  void Spill() {
    const std::vector<int64_t> makers = Makers("make", spec_.objects, 1);
    TaskSpec instant = spec_.task;
    instant.duration = Distribution::Deterministic(0);
    const int64_t barrier = Add(instant, "all-made", {}, 0);
    dag_.tasks.back().after = makers;
    for (int64_t round = 0; round < spec_.readers; ++round) {
      for (const int64_t maker : makers) {
        Add(spec_.reader, "read", {{maker, 0}}, 0);
        dag_.tasks.back().after = {barrier};
      }
    }
  }

  void Hot() {
    const std::vector<int64_t> makers = Makers("make", spec_.objects, 1);
    std::vector<double> reached;  // cumulative weights
    double total = 0;
    for (size_t k = 1; k <= makers.size(); ++k) {
      total += std::pow(static_cast<double>(k), -spec_.skew);
      reached.push_back(total);
    }
    for (int64_t i = 0; i < spec_.readers; ++i) {
      const auto at = std::upper_bound(reached.begin(), reached.end(), random_.Uniform() * total);
      const auto chosen = std::min(static_cast<size_t>(at - reached.begin()), makers.size() - 1);
      Add(spec_.reader, "read", {{makers[chosen], 0}}, 0);
    }
  }

  void Chain() {
    for (int64_t chain = 0; chain < spec_.objects; ++chain) {
      int64_t before = Add(spec_.task, "link", {}, spec_.width > 1 ? 1 : 0);
      for (int64_t link = 1; link < spec_.width; ++link) {
        before = Add(spec_.task, "link", {{before, 0}}, link + 1 < spec_.width ? 1 : 0);
      }
    }
  }

  const PatternSpec& spec_;
  Random& random_;
  DagSpec dag_;
  std::map<std::string, int64_t> counts_;  // tasks so far, by the stem of their names
};

}  // namespace

DagSpec ExpandPattern(const PatternSpec& spec, Random& random) { return Builder(spec, random).Build(); }

}  // namespace orrery
