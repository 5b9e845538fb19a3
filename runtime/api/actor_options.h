// How an actor is to be created: what it needs, where, its name, and what happens when its process is lost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/common/resources.h"

namespace orrery {

// A method of a class, as options name it: method_id<&Store::Read>().
struct MethodId {
  uint64_t function = 0;
};

// Calls of one group run on threads of their own, and never wait for calls of another.
struct ConcurrencyGroup {
  std::string name;
  int max_concurrency = 1;             // calls that run at once
  std::vector<MethodId> methods = {};  // that run here unless a call says otherwise (Actor::in_group)
  std::vector<std::string> method_names = {};  // the same, of classes of another language
};

struct ActorOptions {
  std::optional<double> num_cpus = {};  // default: its node must have one free when it starts; it holds none
  double num_gpus = 0;
  int64_t memory = 0;                            // bytes that the scheduler sets aside; not enforced
  std::map<std::string, double> resources = {};  // custom ones, by name
  SchedulingStrategy strategy = {};
  LabelSelector label_selector = {};
  LabelSelector preferred_labels = {};
  std::vector<LabelSelector> fallback_strategy = {};
  std::string name = {};        // for get_actor; spawning waits until it is known to be free
  std::string name_space = {};  // default: this job's own, so that other jobs' actors may have the same names
  bool get_if_exists = false;   // a living actor of that name is as good; it is then returned instead
  bool detached = false;        // outlives its creator and job; ends by kill or exit_actor only
  int max_restarts = 0;         // after the loss of its process; -1: for ever. A new object is constructed.
  int max_task_retries = 0;     // of a call that was under way then; -1: for ever. It may run more than once.
  int64_t max_pending_calls = -1;  // unfinished calls per calling process; further ones fail. -1: any number
  // Calls that run at once, on threads of the actor's process; those of one caller are begun in order. The class guards
  // its members itself. Methods of concurrency groups do not count.
  int max_concurrency = 1;
  std::vector<ConcurrencyGroup> concurrency_groups = {};
  bool allow_out_of_order_execution = false;  // a call does not wait for earlier ones whose arguments are not there
  bool asyncio = false;  // methods are coroutines of another language
};

}  // namespace orrery
