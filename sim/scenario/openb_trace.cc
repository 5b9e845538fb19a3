// openb rows as nodes, requests and tasks of ours.
#include <algorithm>

#include "sim/scenario/bad_rows.h"
#include "sim/scenario/openb.h"

namespace orrery {

namespace {

ResourceSet Request(int64_t cpu_milli, int64_t memory_mib, FixedPoint gpu) {
  ResourceSet set;
  set.Set(ResourceKind::kCpu, FixedPoint::Milli(cpu_milli));
  set.Set(ResourceKind::kMemory, FixedPoint::Whole(memory_mib * 1024 * 1024));
  set.Set(ResourceKind::kGpu, gpu);
  return set;
}

// Why a pod cannot be replayed, or "".
std::string Unusable(const OpenbPod& pod) {
  if (pod.deletion_s < 0) return "has no deletion_time";
  const int64_t start = pod.scheduled_s >= 0 ? pod.scheduled_s : pod.creation_s;
  return pod.deletion_s < start ? "was deleted before it started" : "";
}

}  // namespace

ResourceSet OpenbNodeResources(const OpenbNode& node) {
  return Request(node.cpu_milli, node.memory_mib, FixedPoint::Whole(node.gpu));
}

Labels OpenbNodeLabels(const OpenbNode& node) {
  if (node.gpu == 0 || node.model.empty()) return {};
  return {{kGpuModelLabel, node.model}};
}

ResourceSet OpenbPodResources(const OpenbPod& pod) {
  const bool shared = pod.num_gpu == 1 && pod.gpu_milli < 1000;
  return Request(pod.cpu_milli, pod.memory_mib,
                 shared ? FixedPoint::Milli(pod.gpu_milli) : FixedPoint::Whole(pod.num_gpu));
}

LabelSelector OpenbPodLabels(const OpenbPod& pod) {
  if (pod.gpu_spec.empty()) return {};
  LabelExpression models;
  models.key = kGpuModelLabel;
  std::string model;
  for (const char c : pod.gpu_spec + "|") {
    if (c != '|') {
      model.push_back(c);
    } else if (!model.empty()) {
      models.values.push_back(std::exchange(model, ""));
    }
  }
  std::sort(models.values.begin(), models.values.end());
  return {models};
}

Result<Trace> OpenbPodsToTrace(const OpenbPods& pods, const std::string& name, const TraceOptions& options) {
  Trace trace;
  trace.report = pods.report;
  BadRows rows(options, trace.report);
  trace.tasks.reserve(pods.pods.size());
  for (const OpenbPod& pod : pods.pods) {
    if (const std::string why = Unusable(pod); !why.empty()) {
      const Status status = rows.Bad(name + ": pod '" + pod.name + "' " + why);
      if (!status.ok()) return status;
      continue;
    }
    TraceTask task;
    task.name = pod.name;
    task.submit_time = Time{Duration::Seconds(pod.creation_s).ns};
    task.duration = Duration::Seconds(pod.deletion_s - (pod.scheduled_s >= 0 ? pod.scheduled_s : pod.creation_s));
    task.resources = OpenbPodResources(pod);
    task.labels = OpenbPodLabels(pod);
    trace.tasks.push_back(std::move(task));
  }
  NormalizeTrace(options.time_scale, trace.tasks);
  return trace;
}

}  // namespace orrery
