// The commands of interaction tests: each acts on a Cluster and returns what happened, as text.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/cluster.h"
#include "tests/support/describe.h"

namespace orrery::test {

// README.md lists the commands. A malformed command throws std::runtime_error.
class Story final : public ClusterObserver {
 public:
  Story();
  // Runs one command and returns its output: lines, or "ok\n".
  std::string Run(const std::string& command);

  void OnDelivered(ProcessId from, ProcessId to, const Message& message) override;
  void OnLocal(ProcessId process, const Address& endpoint, bool to_endpoint, const Message& message) override;
  void OnPeerLost(ProcessId process, const Address& peer) override;
  void OnSpawned(ProcessId process) override;
  void OnDied(ProcessId process, const std::string& reason) override;
  void OnTrace(ProcessId process, const TraceEvent& event) override;

 private:
  using Arguments = std::vector<std::string>;
  using Command = void (Story::*)(const Arguments&);

  Cluster& cluster();
  void Print(const std::string& line);
  bool Muted(MessageKind kind) const { return muted_.count(kind) != 0; }
  // A process by its name, or the worker that runs a task by the task's name.
  ProcessId Process(const std::string& name);
  TaskId Task(const std::string& name) const;
  std::vector<ObjectId> Objects(const std::string& names) const;
  void ReadStrategy(const std::string& key, const std::string& value, SchedulingStrategy& strategy);

  void Mute(const Arguments& words);
  void Unmute(const Arguments& words);
  void Set(const Arguments& words);
  void Start(const Arguments& words);
  void StartMode(const Arguments& words);
  void Submit(const Arguments& words);
  // Once, or `count` times with numbers behind the name.
  void SubmitPlan(ProcessId process, TaskPlan plan, int count);
  void Spawn(const Arguments& words);
  void Call(const Arguments& words);
  void KillActor(const Arguments& words);
  void FindActor(const Arguments& words);
  void Yield(const Arguments& words);
  void Take(const Arguments& words);
  void Group(const Arguments& words);
  void AwaitGroup(const Arguments& words);
  void RemoveGroup(const Arguments& words);
  void FindGroup(const Arguments& words);
  void Put(const Arguments& words);
  void Get(const Arguments& words);
  void Drop(const Arguments& words);
  void Cancel(const Arguments& words);
  void Finish(const Arguments& words);
  void Fail(const Arguments& words);
  void ExitActor(const Arguments& words);
  void Close(const Arguments& words);
  void Shutdown(const Arguments& words);
  void Deliver(const Arguments& words);
  void RunFor(const Arguments& words);
  void Kill(const Arguments& words);
  void KillMachine(const Arguments& words);
  void Deaf(const Arguments& words);
  void DropConnection(const Arguments& words);
  void Hold(const Arguments& words);
  void Release(const Arguments& words);
  void Isolate(const Arguments& words);
  void Rejoin(const Arguments& words);
  void Resend(const Arguments& words);
  void KeyValue(const Arguments& words);
  void ShowStatus(const Arguments& words);
  void StatusOfGcs(const Gcs& gcs);
  void StatusOfGroups(const Gcs& gcs);

  std::map<std::string, Command> commands_;
  ClusterOptions options_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Describer> describe_;
  std::set<MessageKind> muted_;
  std::map<std::string, TaskId> tasks_;
  std::map<std::string, ActorId> actors_;
  std::map<std::string, PlacementGroupId> groups_;
  uint64_t group_requests_ = 0;
  std::map<std::pair<ProcessId, ProcessId>, std::map<MessageKind, Message>> last_;  // delivered, by link and kind
  std::string output_;
  Time printed_;
};

}  // namespace orrery::test
