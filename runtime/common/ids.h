// Identities. They are derived (parent, index), never drawn, so that the same program has the same ids in both worlds.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace orrery {

// Numbered by the GCS in order of registration, from 1; never reused, also not after the node's death.
struct NodeId {
  uint32_t value = 0;
  constexpr explicit operator bool() const { return value != 0; }
  constexpr auto operator<=>(const NodeId&) const = default;
};

// A driver's job; numbered by the GCS from 1.
struct JobId {
  uint32_t value = 0;
  constexpr explicit operator bool() const { return value != 0; }
  constexpr auto operator<=>(const JobId&) const = default;
};

// A worker or driver process: the node it lives on and its index there. Index 0 is the node manager itself.
struct WorkerId {
  uint64_t value = 0;
  static constexpr WorkerId Of(NodeId node, uint32_t index) { return {(uint64_t{node.value} << 32) | index}; }
  constexpr NodeId node() const { return {static_cast<uint32_t>(value >> 32)}; }
  constexpr uint32_t index() const { return static_cast<uint32_t>(value); }
  constexpr explicit operator bool() const { return value != 0; }
  constexpr auto operator<=>(const WorkerId&) const = default;
};

// A task: the process that owns (submitted) it and the how-manieth of that process it is, from 1.
struct TaskId {
  WorkerId owner;
  uint64_t index = 0;
  constexpr explicit operator bool() const { return index != 0; }
  constexpr auto operator<=>(const TaskId&) const = default;
};

// An object: the task that makes it and the index among its returns. A `put` takes a task index of its own.
struct ObjectId {
  TaskId task;
  uint32_t index = 0;
  constexpr explicit operator bool() const { return static_cast<bool>(task); }
  constexpr auto operator<=>(const ObjectId&) const = default;
};

// A lease: the process that asked for it and the how-manieth request of that process it is, from 1.
struct LeaseId {
  WorkerId owner;
  uint64_t index = 0;
  constexpr explicit operator bool() const { return index != 0; }
  constexpr auto operator<=>(const LeaseId&) const = default;
};

// An actor: the task that creates it.
struct ActorId {
  WorkerId owner;
  uint64_t index = 0;
  constexpr explicit operator bool() const { return index != 0; }
  constexpr auto operator<=>(const ActorId&) const = default;
};

// A placement group: the process that creates it and the how-manieth task index of that process it took.
struct PlacementGroupId {
  WorkerId owner;
  uint64_t index = 0;
  constexpr explicit operator bool() const { return index != 0; }
  constexpr auto operator<=>(const PlacementGroupId&) const = default;
};

// Fixed 64-bit mix (splitmix64's finaliser): the same on every platform, so tables behave alike everywhere.
constexpr uint64_t Mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Hash for `Lookup`; deterministic, seeded by nothing.
struct IdHash {
  size_t operator()(NodeId id) const { return Mix64(id.value); }
  size_t operator()(JobId id) const { return Mix64(id.value); }
  size_t operator()(WorkerId id) const { return Mix64(id.value); }
  size_t operator()(TaskId id) const { return Mix64(id.owner.value * 0x9e3779b97f4a7c15ULL + id.index); }
  size_t operator()(ActorId id) const { return Mix64(id.owner.value * 0x9e3779b97f4a7c15ULL + id.index); }
  size_t operator()(LeaseId id) const { return Mix64(id.owner.value * 0x9e3779b97f4a7c15ULL + id.index); }
  size_t operator()(ObjectId id) const { return Mix64((*this)(id.task) + id.index); }
  size_t operator()(uint64_t id) const { return Mix64(id); }
};

// Short readable forms: "node-3", "job-1", "worker-3.7", "task-3.7.12", "object-3.7.12.0", "lease-3.7.4".
inline std::string ToString(NodeId id) { return "node-" + std::to_string(id.value); }
inline std::string ToString(JobId id) { return "job-" + std::to_string(id.value); }
inline std::string ToString(WorkerId id) {
  return "worker-" + std::to_string(id.node().value) + "." + std::to_string(id.index());
}
inline std::string Dotted(WorkerId owner, uint64_t index) {
  return std::to_string(owner.node().value) + "." + std::to_string(owner.index()) + "." + std::to_string(index);
}
inline std::string ToString(TaskId id) { return "task-" + Dotted(id.owner, id.index); }
inline std::string ToString(ActorId id) { return "actor-" + Dotted(id.owner, id.index); }
inline std::string ToString(PlacementGroupId id) { return "group-" + Dotted(id.owner, id.index); }
inline std::string ToString(LeaseId id) { return "lease-" + Dotted(id.owner, id.index); }
inline std::string ToString(ObjectId id) {
  return "object-" + Dotted(id.task.owner, id.task.index) + "." + std::to_string(id.index);
}

}  // namespace orrery
