// Clusters and placement groups in one line, for tests of bundle placement.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/scheduling/bundle_policy.h"

namespace orrery {

// "4:g2:m100:w1:rack=a" is 4 CPUs, 2 GPUs, 100 bytes of memory, 1 widget, and a label of a node or a condition on it.
struct CaseItem {
  ResourceSet resources;
  Labels labels;
  double used_cpus = 0;  // "u3": of a node, by others
  double used_gpu = 0;   // "v0.6": of each GPU of a node, by others
  bool draining = false;
  std::vector<Bundle> held;  // "h2": of a node, a bundle of 2 CPUs of the group
};

inline CaseItem ParseCaseItem(const std::string& word) {
  CaseItem item;
  std::istringstream parts(word);
  for (std::string part; std::getline(parts, part, ':');) {
    const double amount = std::atof(part.c_str() + 1);
    if (const size_t equals = part.find('='); equals != std::string::npos) {
      item.labels[part.substr(0, equals)] = part.substr(equals + 1);
    } else if (part == "draining") {
      item.draining = true;
    } else {
      switch (part[0]) {
        case 'g': item.resources.Set(ResourceKind::kGpu, FixedPoint::FromDouble(amount)); break;
        case 'm': item.resources.Set(ResourceKind::kMemory, FixedPoint::FromDouble(amount)); break;
        case 'w': item.resources.Set("widget", FixedPoint::FromDouble(amount)); break;
        case 'u': item.used_cpus = amount; break;
        case 'v': item.used_gpu = amount; break;
        case 'h': item.held.push_back({ResourceSet::Cpu(amount), {}}); break;
        default: item.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(std::atof(part.c_str())));
      }
    }
  }
  return item;
}

// Nodes get ids 1, 2, … in the order of the words; what they hold of the group goes into `request`.
inline void AddCaseNodes(const std::string& nodes, ClusterView& view, BundleRequest& request) {
  std::istringstream words(nodes);
  uint32_t id = 0;
  for (std::string word; words >> word;) {
    const CaseItem item = ParseCaseItem(word);
    const NodeId node{++id};
    view.AddNode(node, item.resources, item.labels);
    ResourceSet left = item.resources;
    left -= ResourceSet::Cpu(item.used_cpus);
    for (const Bundle& bundle : item.held) {
      left -= bundle.resources;
      request.held.push_back({node, bundle});
    }
    GpuFree gpus = AllGpusFree(item.resources.Get(ResourceKind::kGpu));
    FixedPoint gpus_left;
    for (FixedPoint& gpu : gpus) gpus_left += gpu -= FixedPoint::FromDouble(item.used_gpu);
    left.Set(ResourceKind::kGpu, gpus_left);
    view.SetAvailable(node, left, gpus);
    view.SetDraining(node, item.draining);
  }
}

inline std::vector<Bundle> CaseBundles(const std::string& bundles) {
  std::istringstream words(bundles);
  std::vector<Bundle> result;
  for (std::string word; words >> word;) {
    const CaseItem item = ParseCaseItem(word);
    Bundle bundle{item.resources, {}};
    for (const auto& [key, value] : item.labels) bundle.labels.push_back({key, LabelExpression::Op::kIn, {value}});
    result.push_back(bundle);
  }
  return result;
}

// "1 1 3" (the node of each bundle), "busy", "infeasible", or "cut short".
inline std::string CaseAnswer(const BundlePlacement& placement) {
  if (placement.kind == BundlePlacement::Kind::kInfeasible) return "infeasible";
  if (placement.kind == BundlePlacement::Kind::kBusy) return placement.cut_short ? "cut short" : "busy";
  std::string text;
  for (const PlacedBundle& placed : placement.nodes) {
    text += (text.empty() ? "" : " ") + std::to_string(placed.node.value);
  }
  return text;
}

}  // namespace orrery
