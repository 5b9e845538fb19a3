// Short readable text for messages and ids of a Cluster: names instead of numbers, key fields only.
#pragma once

#include <map>
#include <string>

#include "tests/support/cluster.h"

namespace orrery::test {

class Describer {
 public:
  explicit Describer(const Cluster& cluster) : cluster_(cluster) {}

  void NameTask(TaskId task, const std::string& name) { tasks_[task] = name; }
  // "RequestLease d/1 {CPU: 1} backlog=3".
  // `self`: the process whose application the message goes to, for messages that name own tasks by index only.
  std::string Text(const Message& message, WorkerId self = {}) const;
  std::string Of(TaskId task) const;
  std::string Of(LeaseId lease) const;
  std::string Of(WorkerId worker) const;
  std::string Of(NodeId node) const;
  std::string Of(const Address& address) const;

 private:
  std::string Fields(const Message& message) const;
  std::string LeaseFields(const Message& message) const;
  std::string TaskFields(const Message& message) const;
  std::string ActorFields(const Message& message) const;
  std::string GroupFields(const Message& message) const;
  std::string MembershipFields(const Message& message) const;
  const Cluster& cluster_;
  std::map<TaskId, std::string> tasks_;
  mutable std::map<WorkerId, std::string> workers_;  // also of processes that have died
  mutable std::map<NodeId, std::string> nodes_;
};

}  // namespace orrery::test
