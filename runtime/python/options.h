// Resources and placement as Python gives them, for tasks and actors alike. Internal.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/api/options.h"
#include "runtime/api/placement_group.h"

namespace orrery::python {

// A dict of label → condition in Ray's words, or list of values.
inline LabelSelector SelectorFrom(const pybind11::handle& given) {
  LabelSelector selector;
  for (const auto& [key, value] : given.cast<std::map<std::string, pybind11::object>>()) {
    if (!pybind11::isinstance<pybind11::str>(value)) {
      selector.push_back(LabelIn(key, value.cast<std::vector<std::string>>()));
      continue;
    }
    Result<LabelExpression> expression = ParseLabelExpression(key, value.cast<std::string>());
    if (!expression.ok()) throw pybind11::value_error(expression.status().message());
    selector.push_back(std::move(*expression));
  }
  return selector;
}

// Fills what TaskOptions and ActorOptions have in common, but num_cpus, whose default differs.
template <class Options>
void FillNeeds(const pybind11::dict& given, Options& options) {
  options.num_gpus = given["num_gpus"].cast<double>();
  options.memory = given["memory"].cast<int64_t>();
  options.resources = given["resources"].cast<std::map<std::string, double>>();
  options.name = given["name"].cast<std::string>();
  if (given["spread"].cast<bool>()) options.strategy = Spread();
  if (!given["node"].is_none())
    options.strategy = NodeAffinity(NodeId{given["node"].cast<uint32_t>()}, given["soft"].cast<bool>());
  if (!given["group"].is_none()) {
    const auto [owner, index, bundles] = given["group"].cast<std::tuple<uint64_t, uint64_t, uint32_t>>();
    options.strategy = InPlacementGroup({{WorkerId{owner}, index}, bundles}, given["bundle"].cast<int32_t>(),
                                        given["capture"].cast<bool>());
  }
  options.label_selector = SelectorFrom(given["labels"]);
  for (const pybind11::handle selector : given["fallbacks"])
    options.fallback_strategy.push_back(SelectorFrom(selector));
}

}  // namespace orrery::python
