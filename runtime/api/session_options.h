// How a program finds its cluster.
#pragma once

#include <map>
#include <string>

#include "runtime/common/job_terms.h"
#include "runtime/common/resources.h"
#include "runtime/common/status.h"

namespace orrery {

// Where to connect. Without an address: $ORRERY_ADDRESS, else the cluster running on this machine in this session
// folder, else a cluster of one node is started for this program and ends with it.
struct SessionOptions {
  std::string address = {};                     // "host:port" of the head; "local": always a cluster of one's own
  std::string name = {};                        // of the job; default: the executable's name
  // Where the cluster's setting job_scheduling is not fifo: jobs of higher priority go first, and with fair_share those
  // of equal priority get room in proportion to their weights (0.0001 to 1e9).
  int priority = 0;
  double weight = 1;
  double num_cpus = -1;  // of a cluster of one's own; -1: as many as the machine has
  double num_gpus = 0;
  std::map<std::string, double> resources = {};  // custom ones, of a cluster of one's own
  int64_t object_store_memory = 0;  // bytes, of a cluster of one's own; 0: a share of the machine's memory
  Labels labels = {};  // of the node of a cluster of one's own
  std::map<std::string, std::string> settings = {};  // runtime settings of this job, e.g. {"task_max_retries", "0"}
};

// kInvalidArgument for a weight that is none.
Result<JobTerms> TermsOf(const SessionOptions& options);

}  // namespace orrery
