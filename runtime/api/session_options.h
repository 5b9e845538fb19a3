// How a program finds its cluster.
#pragma once

#include <map>
#include <string>

namespace orrery {

// Where to connect. Without an address: $ORRERY_ADDRESS, else the cluster running on this machine in this session
// folder, else a cluster of one node is started for this program and ends with it.
struct SessionOptions {
  std::string address = {};                     // "host:port" of the head; "local": always a cluster of one's own
  std::string name = {};                        // of the job; default: the executable's name
  double num_cpus = -1;                         // of a cluster of one's own; -1: as many as the machine has
  double num_gpus = 0;
  std::map<std::string, double> resources = {};  // custom ones, of a cluster of one's own
  std::map<std::string, std::string> settings = {};  // runtime settings of this job, e.g. {"task_max_retries", "0"}
};

}  // namespace orrery
