// Any bytes as a scenario file, the last line as a --set option: an error message or a scenario, never a crash. An
// accepted scenario keeps the promises that its users build on.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "runtime/common/assert.h"
#include "sim/scenario/scenario.h"

namespace {

void CheckPromises(const orrery::Scenario& scenario) {
  ORRERY_ASSERT(!scenario.workload.sources.empty());
  ORRERY_ASSERT(!scenario.run.seeds.empty());
  ORRERY_ASSERT(!scenario.cluster.node_types.empty() || scenario.cluster.trace.has_value());
  orrery::Random random(1);
  for (const orrery::SourceSpec& source : scenario.workload.sources) {
    if (const auto* generator = std::get_if<orrery::GeneratorSpec>(&source.what)) {
      ORRERY_ASSERT(generator->count > 0 || generator->until.ns > 0);
      const double drawn = Sample(generator->task.duration, random);
      ORRERY_ASSERT(drawn >= 0);
      ORRERY_ASSERT(Sample(generator->interarrival, random) >= 0);
    } else if (const auto* dag = std::get_if<orrery::DagSpec>(&source.what)) {
      ORRERY_ASSERT(dag->order.size() == dag->tasks.size());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> overrides;
  if (const size_t last = text.rfind("\n--set "); last != std::string::npos) {
    overrides.push_back(text.substr(last + 7));
    text.resize(last + 1);
  }
  const auto scenario = orrery::ParseScenario(text, "fuzz.yaml", overrides);
  if (scenario.ok()) {
    CheckPromises(scenario.value());
  } else {
    ORRERY_ASSERT(!scenario.status().message().empty());
  }
  return 0;
}
