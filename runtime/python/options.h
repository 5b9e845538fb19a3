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
  for (const auto& [key, values] : given["labels"].cast<std::map<std::string, std::vector<std::string>>>())
    options.label_selector.push_back(LabelIn(key, values));
}

}  // namespace orrery::python
