// The openb trace for tests that need the real data: a split on commas is all its files need.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "sim/scenario/openb.h"

namespace orrery {

// $ORRERY_TRACES/openb, or "" where the traces are not installed.
inline std::string OpenbFolder() {
  const char* traces = std::getenv("ORRERY_TRACES");
  if (traces == nullptr) return "";
  const std::string folder = std::string(traces) + "/openb/";
  return std::ifstream(folder + "openb_node_list_gpu_node.csv") ? folder : "";
}

inline std::vector<std::vector<std::string>> CsvRows(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> rows;
  std::string line, cell;
  std::getline(file, line);  // header
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    rows.emplace_back();
    while (std::getline(cells, cell, ',')) rows.back().push_back(cell);
  }
  return rows;
}

inline std::vector<OpenbNode> OpenbNodes() {
  std::vector<OpenbNode> nodes;
  for (const auto& row : CsvRows(OpenbFolder() + "openb_node_list_gpu_node.csv")) {
    nodes.push_back({row[0], std::stoll(row[1]), std::stoll(row[2]), std::stoll(row[3]), row[4]});
  }
  return nodes;
}

inline std::vector<OpenbPod> OpenbPodsDefault() {
  std::vector<OpenbPod> pods;
  for (const auto& row : CsvRows(OpenbFolder() + "openb_pod_list_default.csv")) {
    OpenbPod pod;
    pod.name = row[0];
    pod.cpu_milli = std::stoll(row[1]);
    pod.memory_mib = std::stoll(row[2]);
    pod.num_gpu = std::stoll(row[3]);
    pod.gpu_milli = std::stoll(row[4]);
    pod.gpu_spec = row[5];
    pods.push_back(pod);
  }
  return pods;
}

}  // namespace orrery
