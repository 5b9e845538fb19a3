// The parts of a scenario file, one function each. Internal to sim/scenario.
#pragma once

#include <string>
#include <vector>

#include "runtime/config/reader.h"
#include "sim/scenario/scenario.h"

namespace orrery {

// A file that the scenario names, to be checked for existence.
struct FileUse {
  Value where;
  std::string path;    // resolved
  std::string option;  // key path for --set
};

struct ParseContext {
  std::string file;    // the scenario file
  Problems problems;
  std::vector<FileUse> files;
};

void ParseCluster(const Value& value, ParseContext& context, ClusterSpec& cluster);
void ParseAutoscaler(const Value& value, ParseContext& context, AutoscalerSpec& autoscaler);
// `nodes`: number of nodes of the cluster, for counts per node; 0 when a trace decides.
void ParseWorkload(const Value& value, ParseContext& context, int64_t nodes, WorkloadSpec& workload);
void ParseGenerator(const Value& value, ParseContext& context, int64_t nodes, GeneratorSpec& generator);
// Whether a generator is one of those that make a graph around objects.
bool NamesPattern(const Value& generator);
bool NamesGroups(const Value& generator);
void ParseGroups(const Value& value, ParseContext& context, GroupsSpec& groups);
bool NamesActors(const Value& generator);
void ParseActors(const Value& value, ParseContext& context, ActorsSpec& actors);
void ParsePattern(const Value& value, ParseContext& context, int64_t nodes, PatternSpec& pattern);
void ParseDag(const Value& value, ParseContext& context, DagSpec& dag);
void ParseFaults(const Value& value, ParseContext& context, std::vector<FaultSpec>& faults);
void ParseChecks(const Value& value, ParseContext& context, std::vector<CheckSpec>& checks);
void ParseRun(const Value& value, ParseContext& context, RunSpec& run);

// Keys of a task template, read from a map that may hold others: duration (when `with_duration`), cpus, gpus and so on.
void ReadTaskKeys(MapReader& map, bool with_duration, TaskSpec& task);

// A distribution of seconds: a duration, or a map with `kind`.
void ReadDistribution(const Value& value, Problems& problems, Distribution& out);
// A distribution given by name or by a map with `kind` and shape, scaled to `mean` seconds.
void ReadArrival(const Value& value, double mean, Problems& problems, Distribution& out);

// A path: resolved beside the scenario, or kept when it came from --set; noted for the check of existence.
void ReadPath(const Value& value, ParseContext& context, const std::string& option, std::string& out);

}  // namespace orrery
