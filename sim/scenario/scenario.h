// A scenario as plain data: what cluster, what work, what goes wrong, what must hold. Made from one YAML file
// (scenarios/README.md is the key reference); the same value drives the simulator and the live replayer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/common/bundle.h"
#include "runtime/common/job_terms.h"
#include "runtime/common/resources.h"
#include "runtime/common/settings.h"
#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "sim/scenario/distribution.h"
#include "sim/scenario/trace.h"

namespace orrery {

// ---- cluster ----

// Where a node's objects go when its store has no room for them.
struct DiskSpec {
  double read_bandwidth = 2e9;   // bytes per second
  double write_bandwidth = 1e9;
  int64_t capacity = int64_t{100} << 30;  // bytes
};

// Equal nodes: `count` of them from the start to the end, or, with an autoscaler, as many as it wants from min to max.
struct NodeTypeSpec {
  std::string name;
  int64_t count = 1;          // nodes present at the start (the minimum where min/max are given)
  int64_t min = 1, max = 1;   // bounds for the autoscaler
  bool scaled = false;        // given by min and max
  ResourceSet resources;
  Labels labels;
  double speed = 1;           // a task of duration d runs d / speed
  Duration boot_time;
  double price = 0;           // per node and hour, in the user's currency
  DiskSpec disk;
};

// Nodes read from a file; replaces the node types.
struct ClusterTraceSpec {
  std::string format = "openb";
  std::string path;           // resolved against the scenario's folder (or the working directory, when from --set)
};

struct NetworkSpec {
  enum class Topology : uint8_t { kStar, kRacks };
  Duration latency = Duration::Micros(50);  // one way, between two nodes (of one rack)
  double bandwidth = 1.25e9;                // bytes per second of each node's link, each direction
  Topology topology = Topology::kStar;
  int64_t rack_size = 0;                    // kRacks: nodes per rack
  double oversubscription = 1;              // kRacks: the rack's uplink carries rack_size * bandwidth / this
};

// Service times of messages in simulation.
struct CostProfileSpec {
  enum class Kind : uint8_t { kZero, kDefault, kFile };
  Kind kind = Kind::kDefault;
  std::string path;           // kFile, resolved
};

struct ClusterSpec {
  std::vector<NodeTypeSpec> node_types;
  std::optional<ClusterTraceSpec> trace;
  NetworkSpec network;
  std::string head;           // type of the head node (GCS, drivers), its first node; "" for the first node of all
  CostProfileSpec cost_profile;
  Duration storage_latency;          // until a change of the GCS's state is stored
  Distribution worker_startup_time;  // seconds until a started worker process serves; zero by default
};

// One node of the cluster at the start.
struct NodeSpec {
  std::string name;           // "TYPE-INDEX", or the name in the trace
  std::string type;           // node type; "trace" for nodes of a trace
  ResourceSet resources;
  Labels labels;
  double speed = 1;
  Duration boot_time;
  double price = 0;
  DiskSpec disk;
};

// The nodes present at the start, the head first, then in the order of the file. Reads the cluster trace if there is
// one.
Result<std::vector<NodeSpec>> ExpandNodes(const ClusterSpec& cluster);

// Message kind name → service time, from the YAML map in `path`. kNotFound, or kInvalidArgument "file:line:col: …".
Result<std::map<std::string, Duration>> LoadCostProfile(const std::string& path);

// ---- workload ----

// One task, or the template of many.
struct TaskSpec {
  enum class Work : uint8_t { kSleep, kSpin };
  std::string name = "task";
  Distribution duration;  // seconds, on a node of speed 1
  ResourceSet resources = ResourceSet::Cpu(1);
  SchedulingStrategy strategy;  // kNodeAffinity: affinity_node is the node's index in ExpandNodes, not yet its id
  int64_t max_retries = -1;  // -1: policy.task_max_retries
  Work work = Work::kSleep;  // what it does live; in simulation both occupy the worker only
  int64_t allocate_bytes = 0;  // memory it touches while it runs
  std::vector<int64_t> outputs;  // sizes of its results in bytes, in order
};

// Tasks made by rule; one driver each.
struct GeneratorSpec {
  enum class Kind : uint8_t { kOpen, kClosed, kBurst, kForkJoin };
  Kind kind = Kind::kOpen;
  TaskSpec task;
  int64_t count = 0;  // tasks in all; 0: no bound (then `until` is set). kForkJoin: width * stages
  Duration at;  // when it begins
  Duration until;  // no submission at or after this; 0: no bound
  Distribution interarrival;  // kOpen: seconds between submissions
  int64_t clients = 0;  // kClosed: each submits, waits for the result, thinks, and again
  Distribution think_time;  // kClosed: seconds
  int64_t size = 0;  // kBurst: tasks per burst
  Duration every;  // kBurst: between bursts; 0: a single one
  int64_t width = 0;  // kForkJoin: tasks per stage, all awaited before the next stage
  int64_t stages = 0;  // kForkJoin
};

// A graph of tasks, free of cycles (checked when parsed).
struct DagSpec {
  struct Input {
    int64_t task = 0;  // index of the task, or put, that makes it
    int64_t output = 0;  // which of its outputs
    auto operator<=>(const Input&) const = default;
  };
  struct Node {
    TaskSpec task = {};  // names are unique within the graph
    std::vector<int64_t> after = {};  // indices of tasks that must have ended; nothing of theirs is moved
    std::vector<Input> inputs = {};  // results that it takes
    bool put = false;  // no task: the driver itself makes the one output, before it submits any task
  };
  std::vector<Node> tasks;
  // A permutation of the tasks without the puts: the priority list by which the driver submits. Default: as written.
  std::vector<int64_t> order;
  Duration at;  // when the driver begins
};

// A graph made by rule, around the objects that move between its tasks; one driver each.
struct PatternSpec {
  enum class Kind : uint8_t { kBroadcast, kShuffle, kAllReduce, kSpill, kHot, kChain };
  Kind kind = Kind::kBroadcast;
  TaskSpec task;  // the template of all tasks
  TaskSpec reader;  // of those that only take objects: consumers, reducers, readers
  int64_t size = 0;  // of each object, in bytes
  int64_t objects = 1;  // kShuffle: maps; kSpill, kHot: objects; kChain: chains
  int64_t readers = 0;  // kBroadcast: consumers; kShuffle: reduces; kHot: readers in all; kSpill: per object
  int64_t width = 0;  // kAllReduce: tasks that contribute, and that get the result; kChain: links of a chain
  int64_t fan_in = 2;  // kAllReduce: values combined by one task
  double skew = 1;  // kHot: object k is read with weight 1 / k^skew (Zipf)
  int64_t nodes = 0;  // kBroadcast: > 0: one consumer on each of this many nodes
  Duration at;  // when the driver begins
};

// Placement groups, one after the other: in each, one task per bundle, which asks for all of it; then it is removed.
struct GroupsSpec {
  int64_t groups = 0;
  int64_t bundles = 0;  // of each group
  BundleStrategy strategy = BundleStrategy::kPack;
  TaskSpec task;
  Duration at;  // of the first
  Duration every;  // between them; 0: all at once
};

// Actors, one after the other: each is called a number of times, so many at once, and then ended.
struct ActorsSpec {
  enum class End : uint8_t { kHandle, kKill };
  int64_t actors = 0;
  int64_t calls = 0;  // of each actor
  int64_t in_flight = 1;  // calls of one actor that are under way at once
  TaskSpec actor;  // what it holds, where it goes; duration: of its constructor
  TaskSpec call;  // duration of a call
  int64_t max_restarts = 0;  // of each actor, after the loss of its process
  int64_t max_task_retries = 0;  // of each call that was under way then
  int64_t max_concurrency = 1;  // calls that an actor runs at once
  End end = End::kHandle;  // after the last call: its last handle goes, or it is killed
  Duration at;  // of the first
  Duration every;  // between them; 0: all at once
};

// Tasks of a production trace, one driver.
struct TraceSpec {
  enum class Format : uint8_t { kCsv, kSwf, kOpenb, kWfFormat };
  // A column of a CSV trace.
  struct Column {
    std::string name;
    std::string unit;  // "s", "ms", "us", "ns"; for memory "B", "KiB", "MiB", "GiB"; "" for plain numbers
  };
  Format format = Format::kCsv;
  std::string path;  // resolved
  TaskSpec task;  // what the trace does not say (resources without a column, retries, work)
  std::map<std::string, Column> mapping;  // csv: field (name, submit_time, duration, cpus, gpus, memory) → column
  TraceOptions options;
};

// One source of tasks.
struct SourceSpec {
  std::string name;  // "generator", "dag", "trace" unless given; numbered when repeated
  std::variant<GeneratorSpec, DagSpec, TraceSpec, PatternSpec, GroupsSpec, ActorsSpec> what;
  JobTerms terms = {};  // of its driver's job
};

struct WorkloadSpec {
  std::vector<SourceSpec> sources;  // at least one
  bool packing = false;  // the openb packing protocol: no clock, no departures; one openb trace source
  double arrived = 1.3;  // packing: stop when the next pod would exceed this share of GPU capacity
};

// ---- autoscaler ----

// Something that happens to the provider once.
struct OutageSpec {
  Duration at;  // since the start of the run
  std::string type;  // node type; "": of all
  int64_t preempt = 0;  // nodes taken away, the oldest first
  Duration notice;  // between the notice and the end
  Duration refuse_for;  // no launch succeeds for this long
};

// The modelled cloud, and in what ways it is imperfect.
struct ProviderSpec {
  Distribution answer_delay;  // seconds until a request has its answer
  std::optional<Distribution> boot_time;  // seconds, instead of the node types' boot_time
  Duration terminate_time;  // how long an instance is listed after it was ended
  double launch_failures = 0;  // share of launches that are refused
  double never_join = 0;  // share of instances whose node never comes up
  double lost_answers = 0, double_answers = 0;  // share of answers
  double partial_answers = 0;  // share of launch answers that leave out half of their instances
  int64_t quota = 0;  // instances at a time; 0: no bound
  std::vector<OutageSpec> outages;
};

struct AutoscalerSpec {
  int64_t max_workers = INT64_MAX;  // of all scaled types together
  ProviderSpec provider;
  std::optional<Distribution> killed_every;  // seconds: the autoscaler process is killed again and again
  Duration back_after = Duration::Seconds(1);  // until its successor starts
};

// Nodes that the autoscaler may launch: `max` of each scaled type.
std::vector<NodeSpec> ScaledNodes(const ClusterSpec& cluster);

// Reads the trace of a source (plain or gzip). Errors name the file, the row and, when it is absent, the option that
// sets it.
Result<Trace> LoadTrace(const TraceSpec& spec);

// A workflow that was recorded once: its tasks, the files between them as objects, files from outside as puts.
struct Workflow {
  DagSpec dag;
  double makespan_s = 0;  // as recorded, with all that the system of that time added
};
// Reads a trace of format wfformat (WfFormat 1.5 JSON, plain or gzip). Errors name the file and what is wrong in it.
Result<Workflow> LoadWorkflow(const TraceSpec& spec);

// ---- faults, checks, run ----

enum class FaultKind : uint8_t {
  kKillWorker,
  kKillNode,
  kKillDriver,
  kRestartNode,
  kSlowNode,
  kDropMessages,
  kDelayMessages,
  kPartition,
  kDiskFull,
  kSlowDisk,
  kDiskError,
  kKillGcs
};
const char* FaultKindName(FaultKind kind);  // "kill_worker", ...

// Whom a fault hits.
struct FaultTarget {
  enum class Kind : uint8_t {
    kAny,  // "any": one drawn from the fault stream (of workers, nodes or drivers, as the fault says), not the head
    kBusy,  // "busy": one drawn among those that run a task now
    kHead,  // "head": the head node
    kNode,  // "node:3": index in ExpandNodes; for kill_worker, a worker on that node
    kNodeType,  // "type:NAME": all nodes of a type
    kDriver,  // "driver:0": index of the workload source
    kAll  // "all"
  };
  Kind kind = Kind::kAny;
  int64_t index = 0;
  std::string name;
};

struct FaultSpec {
  FaultKind kind = FaultKind::kKillWorker;
  Duration at;  // since the workload began
  std::vector<FaultTarget> targets;  // partition: these against the rest
  Duration duration;  // key `for`: then it heals (kill_node: a new node comes; kill_gcs: its successor); 0: for good
  double factor = 1;  // slow_node, slow_disk: the speed is multiplied by this
  double probability = 1;  // drop_messages, delay_messages: of each message; disk_error: of each read
  Distribution delay;  // delay_messages: seconds added
  std::string message;  // drop_messages, delay_messages: only this kind; "": all
};

struct CheckSpec {
  enum class Kind : uint8_t { kAllTasksFinish, kNoTaskFails, kMax, kMin, kNear, kEquals, kLittlesLaw };
  std::string name;  // given, or made from kind and metric
  Kind kind = Kind::kAllTasksFinish;
  std::string metric;  // kMax, kMin, kNear, kEquals: dotted path in summary.json ("wait_s.p95")
  double value = 0;  // in the metric's unit: durations in seconds, percentages as fractions, sizes in bytes
  double tolerance = 0;  // kNear, kLittlesLaw
  bool relative = true;  // tolerance is a fraction of `value` (written "2%"), else absolute
  bool mean_of_seeds = false;  // compare the mean over all seeds of the run, not each seed
};

struct RunSpec {
  std::vector<uint64_t> seeds = {1};
  Duration time_limit;  // of the world's time; 0: none
  int64_t warmup_tasks = 0;  // first tasks (by submission) left out of the statistics
  Duration warmup_time;  // tasks submitted before are left out
  std::vector<std::string> outputs;  // stems of files of the result folder ("tasks", "timeline"); empty: all of them
  bool Wants(const std::string& output) const;
};

struct Scenario {
  std::string name;  // the file's stem unless given
  std::string description;
  std::string path;  // file it came from
  ClusterSpec cluster;
  WorkloadSpec workload;
  std::optional<AutoscalerSpec> autoscaler;
  Settings policy;
  std::vector<FaultSpec> faults;  // sorted by `at`
  std::vector<CheckSpec> checks;
  RunSpec run;
};

// Reads a scenario file. `overrides` are "key.path=value" as given to --set, applied before validation; list elements
// are named by index or by their `name`. Files that the scenario names must exist. Every problem found, up to 20, is
// one line "file:line:col: what; did you mean 'x'?" of a kInvalidArgument; kNotFound when the file itself cannot be
// read.
Result<Scenario> LoadScenario(const std::string& path, const std::vector<std::string>& overrides = {});

// The same from memory; touches no file. `filename` serves for messages and for relative paths.
Result<Scenario> ParseScenario(const std::string& text, const std::string& filename,
                               const std::vector<std::string>& overrides = {});

}  // namespace orrery
