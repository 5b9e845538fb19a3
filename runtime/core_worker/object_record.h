// What a process knows of one object: one of its own, or another's that it refers to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/env/object_reference.h"

namespace orrery {

// A value, or the error that stands for it. A value that lies in object stores has no bytes here.
struct StoredValue {
  StatusCode status = StatusCode::kOk;
  std::string bytes;  // of the value
  std::string error;  // message, when status is not kOk
  std::string stack;
  size_t cause = 0;   // where in `error` the first cause begins: what goes on to tasks that take this value
};

// A process that keeps a ref to an object of ours, or did so.
struct Borrower {
  Address address;
  WorkerId worker;
  uint64_t sequence = 0;  // of its last AddBorrower or RemoveBorrower: earlier ones are late copies
  bool active = false;
};

// Of another's object: does its owner know that we refer to it? kGuarded: not yet, the task
// that brought it keeps it alive.
enum class Registration : uint8_t { kGuarded, kAsked, kRegistered, kVoid };

// What only few objects need: those in stores, those that other processes know of, those with refs inside.
struct ObjectExtra {
  std::vector<uint64_t> requests;      // gets and waits for it, after the first
  std::vector<uint64_t> tasks;         // owned tasks that take it
  std::vector<Address> askers;         // processes that asked for its status
  std::vector<ObjectReference> refs;   // inside its value
  std::vector<Borrower> borrowers;     // of an own object
  Address owner;                       // of another's object; empty: it is our own
  Address node_manager;                // another's object in stores: a node that had it, for placing tasks
  NodeId node;
  int64_t size = 0;                    // > 0: the value lies in object stores
  uint32_t contained = 0;              // values of own objects that hold a ref to it
  uint32_t handoffs = 0;  // results sent off that hold a ref to it, whose receiver has not registered yet
  uint32_t active_borrowers = 0;
  Registration registration = Registration::kVoid;
  uint64_t asked = 0;  // number of the GetObjectStatus under way; 0: none
  bool lineage = false;  // it keeps the task that made it in the lineage
  bool actor = false;    // an actor's handle: with its last reference the actor ends
  bool holds_refs = false;  // `refs` count as contained here (another's value: its owner counts them)
  bool held() const { return contained + handoffs + active_borrowers != 0; }
};

// In scope while anything is counted. Own objects that are pending stay in any case: their value must find where to
// end.
struct ObjectRecord {
  WorkerId owner;
  uint32_t local = 0;  // references of the application
  uint32_t tasks : 31 = 0;  // unfinished own tasks that take it
  uint32_t ready : 1 = 0;
  uint64_t request = 0;  // the first get or wait for it; 0: none
  std::unique_ptr<ObjectExtra> extra;
  StoredValue value;

  ObjectExtra& Extra() {
    if (extra == nullptr) extra = std::make_unique<ObjectExtra>();
    return *extra;
  }
  bool foreign() const { return extra != nullptr && extra->owner; }
  bool stored() const { return extra != nullptr && extra->size > 0; }
};

}  // namespace orrery
