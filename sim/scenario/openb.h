// The Alibaba openb trace (clusterdata, cluster-trace-gpu-v2023): GPU nodes and pods.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/common/status.h"
#include "sim/scenario/trace.h"

namespace orrery {

// One row of openb_node_list_*.csv.
struct OpenbNode {
  std::string name;        // column `sn`
  int64_t cpu_milli = 0;   // thousandths of a CPU
  int64_t memory_mib = 0;
  int64_t gpu = 0;         // whole GPUs
  std::string model;       // GPU model, "" without GPUs
};

// One row of openb_pod_list_*.csv.
struct OpenbPod {
  std::string name;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int64_t num_gpu = 0;     // GPUs asked for
  int64_t gpu_milli = 0;   // thousandths of each GPU; 1000 when whole, 1..999 shares one GPU (num_gpu is 1)
  std::string gpu_spec;    // allowed models, "V100M16|V100M32"; "" allows all
  int64_t creation_s = 0;
  int64_t deletion_s = -1;   // -1: the trace does not say
  int64_t scheduled_s = -1;  // -1: never scheduled
};

// Reads a node list (plain or gzip). The columns sn, cpu_milli, memory_mib and gpu must exist, in any order.
// Errors: kNotFound without the file, kInvalidArgument "file:row: why" for a bad row.
Result<std::vector<OpenbNode>> ReadOpenbNodes(const std::string& path);
Result<std::vector<OpenbNode>> ParseOpenbNodes(std::string text, const std::string& name);

// The same for a pod list: rows in the file's order.
struct OpenbPods {
  std::vector<OpenbPod> pods;
  TraceReport report;
};
Result<OpenbPods> ReadOpenbPods(const std::string& path, const TraceOptions& options = {});
Result<OpenbPods> ParseOpenbPods(std::string text, const std::string& name, const TraceOptions& options = {});

// Label under which nodes state their GPU model, so that gpu_spec becomes a label selector.
inline constexpr char kGpuModelLabel[] = "gpu_model";

// A node's resources (CPU, memory, GPU) and labels ({gpu_model: MODEL}, or none).
ResourceSet OpenbNodeResources(const OpenbNode& node);
Labels OpenbNodeLabels(const OpenbNode& node);
// A pod's request: CPU, memory, GPU = num_gpu when whole, gpu_milli/1000 when shared.
ResourceSet OpenbPodResources(const OpenbPod& pod);
LabelSelector OpenbPodLabels(const OpenbPod& pod);

// Pods as tasks: submitted at creation_time, running from scheduled_time to deletion_time (the whole life when the
// schedule time is unknown). A pod without deletion time, or deleted before it was scheduled, is a bad row.
Result<Trace> OpenbPodsToTrace(const OpenbPods& pods, const std::string& name, const TraceOptions& options);

}  // namespace orrery
