#include "sim/workload/source.h"

#include <utility>
#include <variant>

#include "sim/workload/actors_source.h"
#include "sim/workload/dag_source.h"
#include "sim/workload/generator_source.h"
#include "sim/workload/groups_source.h"
#include "sim/workload/pattern.h"
#include "sim/workload/trace_source.h"

namespace orrery {

Result<std::unique_ptr<WorkloadSource>> MakeSource(const SourceSpec& spec, Random random) {
  if (const auto* generator = std::get_if<GeneratorSpec>(&spec.what)) return MakeGeneratorSource(*generator, random);
  if (const auto* dag = std::get_if<DagSpec>(&spec.what)) return MakeDagSource(*dag, random);
  if (const auto* pattern = std::get_if<PatternSpec>(&spec.what)) {
    const DagSpec dag = ExpandPattern(*pattern, random);
    return MakeDagSource(dag, random);
  }
  if (const auto* groups = std::get_if<GroupsSpec>(&spec.what)) return MakeGroupsSource(*groups, random);
  if (const auto* actors = std::get_if<ActorsSpec>(&spec.what)) return MakeActorsSource(*actors, random);
  const auto& trace = std::get<TraceSpec>(spec.what);
  if (trace.format != TraceSpec::Format::kWfFormat) return MakeTraceSource(trace);
  Result<Workflow> workflow = LoadWorkflow(trace);
  if (!workflow.ok()) return workflow.status();
  return MakeDagSource(workflow->dag, random, workflow->makespan_s);
}

int64_t DroppedRows(const WorkloadSource& source) {
  const auto* trace = dynamic_cast<const TraceSource*>(&source);
  return trace == nullptr ? 0 : trace->dropped();
}

}  // namespace orrery
