#include "runtime/python/placement_group.h"

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "runtime/api/placement_group.h"

namespace py = pybind11;

namespace orrery::python {

namespace {

// A dictionary of resources per bundle, with "CPU" and "GPU" among the names.
Bundle BundleFrom(const std::map<std::string, double>& amounts) {
  Bundle made;
  for (const auto& [name, amount] : amounts) {
    if (name == "CPU")
      made.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(amount));
    else if (name == "GPU")
      made.resources.Set(ResourceKind::kGpu, FixedPoint::FromDouble(amount));
    else if (name == "memory")
      made.resources.Set(ResourceKind::kMemory, FixedPoint::FromDouble(amount));
    else
      made.resources.Set(name, FixedPoint::FromDouble(amount));
  }
  return made;
}

py::tuple Create(const std::vector<std::map<std::string, double>>& bundles, const std::string& strategy,
                 const std::string& name, const std::string& name_space, bool detached) {
  Result<BundleStrategy> parsed = ParseBundleStrategy(strategy);
  if (!parsed.ok()) throw py::value_error(parsed.status().message());
  std::vector<Bundle> made;
  for (const auto& amounts : bundles) made.push_back(BundleFrom(amounts));
  if (Status status = ValidateBundles(made); !status.ok()) throw py::value_error(status.message());
  PlacementGroup group;
  {
    const py::gil_scoped_release unlocked;
    group = placement_group(made, {*parsed, name, name_space, detached});
  }
  return py::make_tuple(group.id.owner.value, group.id.index, group.bundle_count);
}

PlacementGroup GroupOf(const py::tuple& key) {
  return {{WorkerId{key[0].cast<uint64_t>()}, key[1].cast<uint64_t>()}, key[2].cast<uint32_t>()};
}

}  // namespace

void BindPlacementGroup(py::module_& module) {
  module.def("create_group", Create);
  module.def("wait_group", [](const py::tuple& key, int64_t timeout_ns) {
    const PlacementGroup group = GroupOf(key);
    const py::gil_scoped_release unlocked;
    if (timeout_ns < 0) return group.wait();
    return group.wait(std::chrono::nanoseconds(timeout_ns));
  });
  module.def("group_status", [](const py::tuple& key) {
    const PlacementGroup group = GroupOf(key);
    PlacementGroupStatus status;
    {
      const py::gil_scoped_release unlocked;
      status = group.status();
    }
    py::list nodes;
    for (NodeId node : status.nodes) nodes.append(node.value);
    return py::make_tuple(std::string(PlacementGroupPhaseName(status.phase)), nodes, status.why);
  });
  module.def("remove_group", [](const py::tuple& key) {
    const PlacementGroup group = GroupOf(key);
    const py::gil_scoped_release unlocked;
    remove_placement_group(group);
  });
  module.def("find_group", [](const std::string& name, const std::string& name_space) {
    PlacementGroup group;
    {
      const py::gil_scoped_release unlocked;
      group = get_placement_group(name, name_space);
    }
    return py::make_tuple(group.id.owner.value, group.id.index, group.bundle_count);
  });
  module.def("current_group", []() -> py::object {
    const auto group = current_placement_group();
    if (!group) return py::none();
    return py::make_tuple(group->owner.value, group->index, 0);
  });
}

}  // namespace orrery::python
