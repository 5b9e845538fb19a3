// How an actor is to be created: what it needs, where, its name, and what happens when its process is lost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "runtime/common/resources.h"

namespace orrery {

struct ActorOptions {
  std::optional<double> num_cpus = {};  // default: its node must have one free when it starts; it holds none
  double num_gpus = 0;
  int64_t memory = 0;                            // bytes that the scheduler sets aside; not enforced
  std::map<std::string, double> resources = {};  // custom ones, by name
  SchedulingStrategy strategy = {};
  LabelSelector label_selector = {};
  LabelSelector preferred_labels = {};
  std::string name = {};        // for get_actor; spawning waits until it is known to be free
  std::string name_space = {};  // default: this job's own, so that other jobs' actors may have the same names
  bool get_if_exists = false;   // a living actor of that name is as good; it is then returned instead
  bool detached = false;        // outlives its creator and job; ends by kill or exit_actor only
  int max_restarts = 0;         // after the loss of its process; -1: for ever. A new object is constructed.
  int max_task_retries = 0;     // of a call that was under way then; -1: for ever. It may run more than once.
  int64_t max_pending_calls = -1;  // unfinished calls per calling process; further ones fail. -1: any number
};

}  // namespace orrery
