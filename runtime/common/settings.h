// Every knob of the runtime, once: name, unit, default, range. Scenario `policy:` keys and daemon flags come from here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/status.h"
#include "runtime/common/time.h"

namespace orrery {

// Defaults are Ray's where reference behaviour exists; comments in settings.cc name the differences.
struct Settings {
  std::string placement = "hybrid";  // policy that picks nodes; see scheduling/policy.h for the names
  double spread_threshold = 0.5;  // hybrid: scores below count as 0
  double top_k_fraction = 0.2;  // hybrid: choose among this fraction of the nodes
  int64_t top_k_absolute = 1;  // hybrid: but at least among these
  // Who comes first when jobs compete: fifo (all alike), priority, fair_share (by priority, then dominant share).
  std::string job_scheduling = "fifo";
  // priority: running tasks of jobs with a lower priority make room. Not with fifo.
  std::string job_preemption = "none";
  Duration job_preemption_delay = Duration::Seconds(1);  // and then only for what has waited this long
  Duration worker_lease_timeout = Duration::Millis(500);  // a lease older than this is given back
  Duration lease_idle_timeout = Duration::Millis(10);  // an idle lease of a class of short tasks is kept this long
  int64_t max_tasks_in_flight_per_worker = 1000;  // cap of adaptive pipelining; 1 turns it off
  Duration pipeline_target = Duration::Millis(2);  // queue at most this much expected work on one worker
  int64_t max_pending_lease_requests = -1;  // per scheduling class; -1: max(10, alive nodes)
  int64_t max_pending_tasks = 10'000'000;  // per driver or worker; submissions beyond are refused
  int64_t task_max_retries = 3;
  Duration task_retry_delay = Duration::Millis(0);
  int64_t inline_limit = 100 * 1024;  // bytes; larger arguments and results need the object store
  Duration resource_report_interval = Duration::Millis(10);  // at most one report per node in this time
  Duration health_check_initial_delay = Duration::Seconds(5);
  Duration health_check_period = Duration::Seconds(3);
  Duration health_check_timeout = Duration::Seconds(10);
  int64_t health_check_failures = 5;  // in a row, then the node is dead
  Duration gcs_reconnect_timeout = Duration::Seconds(60);  // a node without its GCS for this long exits
  // What the GCS's state outlives. sqlite: its process. sqlite_fsync: also the machine's power. memory: nothing.
  std::string gcs_storage = "sqlite";
  Duration worker_register_timeout = Duration::Seconds(60);
  Duration worker_idle_timeout = Duration::Millis(1000);  // idle workers above the soft limit are reaped
  int64_t worker_soft_limit = -1;  // idle workers kept; -1: number of CPUs
  int64_t worker_startup_concurrency = -1;  // processes started at once; -1: number of CPUs
  Duration worker_kill_grace = Duration::Seconds(5);  // between SIGTERM and SIGKILL
  Duration cancel_retry_interval = Duration::Seconds(2);
  Duration request_retry_interval = Duration::Seconds(1);  // re-sending of unanswered control requests
  // objects
  std::string locality = "most_bytes";  // where a task with large arguments asks first: most_bytes, none
  int64_t object_chunk_bytes = 5 << 20;  // transfers between nodes go in chunks of this size
  int64_t object_chunks_in_flight = 8;  // per pull
  int64_t object_pulls_in_flight = 16;  // per node; more wait, gets before waits before arguments
  int64_t object_fanout = 2;  // nodes that one copy serves at the same time; others get theirs from those
  int64_t object_room_ahead_bytes = 16 << 20;  // room that a client may have for values it has not made yet; 0: none
  double object_room_ahead_fraction = 1.0 / 64;  // of the store: the same limit
  Duration object_room_idle = Duration::Seconds(1);  // rooms ahead of a client that puts nothing for this long go back
  Duration object_create_timeout = Duration::Seconds(60);  // a value for which only views of programs leave no room
  Duration object_pull_retry = Duration::Seconds(10);  // a pull without progress for this long asks for another copy
  double argument_memory_fraction = 0.7;  // of the store, at most, for arguments of leases
  double spill_threshold = 0.8;  // of the store in use by what cannot be evicted: spilling begins
  int64_t spill_fuse_bytes = 100 << 20;  // small objects are spilled together, until a file has this size
  std::string spill_directories = "";  // separated by ','; "": the session folder; "none": no spilling
  int64_t spill_limit_bytes = -1;  // of a node's spill files; -1: what the disks hold
  int64_t max_lineage_bytes = 1 << 30;  // per owner; beyond, the oldest finished tasks can no longer be run again
  // autoscaler
  Duration backlog_report_interval = Duration::Seconds(1);  // how often owners tell what waits; 0: never
  Duration autoscaler_interval = Duration::Seconds(5);  // between two rounds
  std::string autoscaler_objective = "utilization";  // what to launch: utilization (full nodes first), cost
  double upscaling_speed = 1;  // nodes of a type that may be on their way, per running one; at least 1
  Duration idle_timeout = Duration::Seconds(300);  // a node without work for this long goes
  int64_t max_concurrent_launches = 10;  // launch requests without an answer
  Duration instance_request_timeout = Duration::Seconds(600);  // a launch without an answer is given up
  Duration instance_boot_timeout = Duration::Seconds(1800);  // an instance that has not joined by then is terminated
  Duration instance_terminate_timeout = Duration::Seconds(300);  // then termination is asked again
  Duration drain_timeout = Duration::Seconds(300);  // a draining node goes after this, whatever it still does
  Duration launch_backoff = Duration::Seconds(5);  // after a failed launch of a type; doubles up to 64 times
};

// Sets one knob from text ("0.5", "500ms", "hybrid"). An unknown name or a bad value is kInvalidArgument; the message
// names the nearest valid choice.
Status SetSetting(Settings& settings, std::string_view name, std::string_view value);

struct SettingInfo {
  std::string name;
  std::string unit;  // "duration", "count", "fraction", "bytes", "name"
  std::string value;  // current value as text, accepted by SetSetting
};
std::vector<SettingInfo> ListSettings(const Settings& settings);

// The candidate nearest to `word` by edit distance, or "" when nothing is near. For error messages.
std::string NearestName(std::string_view word, const std::vector<std::string>& candidates);

// "250ms", "1h30m", "2s", "10us", "5ns", "0" → Duration. Negative or unitless (other than 0) is an error.
Result<Duration> ParseDuration(std::string_view text);
// Largest exact unit: "500ms", "2s".
std::string ToString(Duration duration);

}  // namespace orrery
