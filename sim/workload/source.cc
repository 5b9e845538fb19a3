#include "sim/workload/source.h"

#include <utility>
#include <variant>

#include "sim/workload/dag_source.h"
#include "sim/workload/generator_source.h"
#include "sim/workload/trace_source.h"

namespace orrery {

Result<std::unique_ptr<WorkloadSource>> MakeSource(const SourceSpec& spec, Random random) {
  if (const auto* generator = std::get_if<GeneratorSpec>(&spec.what)) return MakeGeneratorSource(*generator, random);
  if (const auto* dag = std::get_if<DagSpec>(&spec.what)) return MakeDagSource(*dag, random);
  return MakeTraceSource(std::get<TraceSpec>(spec.what));
}

int64_t DroppedRows(const WorkloadSource& source) {
  const auto* trace = dynamic_cast<const TraceSource*>(&source);
  return trace == nullptr ? 0 : trace->dropped();
}

}  // namespace orrery
