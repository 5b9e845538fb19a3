// Gets and waits of the application that have not been answered.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "runtime/common/lookup.h"
#include "runtime/core_worker/core_context.h"
#include "runtime/core_worker/objects.h"

namespace orrery {

// A get of an object in stores is answered when the own node's store has it; a wait, when its value is known to exist.
class RequestTable {
 public:
  RequestTable(CoreContext& core, Objects& objects) : core_(core), objects_(objects), store_(objects.store) {}

  // Both answer at once when they can. Returns true when the caller is a task that has to wait: its CPU is idle.
  bool OnGet(const msg::GetObjects& request);
  bool OnWait(const msg::WaitObjects& request);
  // Each returns how many waiting tasks were answered.
  int OnObjectReady(uint64_t request, ObjectId object, bool stored);
  // The object is in the own node's store, or cannot be had there.
  int OnObjectLocal(uint64_t request);
  int OnTimeout(uint64_t request);
  // A running task has ended: what it still waits for is of no interest. How many requests that were.
  int ForgetTask(uint32_t execution);

  size_t size() const { return requests_.size(); }

 private:
  struct Request {
    std::vector<ObjectId> objects;
    std::vector<ObjectId> pinned;  // of them, those acquired from the node's store
    uint32_t missing = 0;          // objects still to come before the answer
    bool wait = false;
    uint32_t from_task = 0;        // the running task that waits (GetObjects); 0: none does
    bool timed = false;
  };
  bool Begin(uint64_t id, Request request, int64_t timeout_ns);
  void RecoverIfLost(ObjectId object);
  bool There(uint64_t id, Request& request, ObjectId object);
  int MissingOneLess(uint64_t id, Request* request);
  void Answer(uint64_t id, const Request& request, bool timed_out);
  void AnswerGet(uint64_t id, const Request& request, bool timed_out);
  void AnswerWait(uint64_t id, const Request& request);
  void FillView(ObjectId object, msg::ObjectValue* out);

  CoreContext& core_;
  Objects& objects_;
  MemoryStore& store_;
  Lookup<uint64_t, Request> requests_;
  std::set<std::pair<uint32_t, uint64_t>> of_task_;  // requests of running tasks, by these
};

}  // namespace orrery
