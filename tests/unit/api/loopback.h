// The public API in one process: the driver's calls go to core workers on the in-memory cluster of tests/support, and
// tasks run where their worker's executor would.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "runtime/api/client.h"
#include "runtime/api/executor.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/cluster.h"

namespace orrery::test {

class Loopback final : public internal::Backend, public ClusterObserver {
 public:
  explicit Loopback(double cpus = 4, internal::ClientOptions options = {}) : cluster_({}, this) {
    cluster_.StartGcs();
    cluster_.StartNode("n1", ResourceSet::Cpu(cpus));
    driver_ = cluster_.StartDriver("d", "n1");
    while (!cluster_.Ready(driver_)) EXPECT_TRUE(cluster_.Step(kFar));
    const WorkerId id = cluster_.core(driver_)->id();
    const Address self = cluster_.AddressOf(driver_);
    client_ = &internal::Client::Open(*this, {id, JobId{1}, NodeId{1}, self, 1}, options);
  }
  ~Loopback() override { client_->Close(); }

  void Post(Message message) override {
    ++posted_[message.kind()];
    cluster_.FromApplication(driver_, std::move(message));
  }
  bool Await(internal::Call& call) override {
    while (!call.done && cluster_.Step(kFar)) {
    }
    return call.done;
  }
  void Complete(internal::Call& call) override { call.done = true; }
  void CountFinished(internal::Client&) override {}  // counts from the start
  Result<std::shared_ptr<ArenaMap>> OpenArena() override {
    return Status(StatusCode::kUnavailable, "this cluster's memory holds no bytes");
  }

  void OnLocal(ProcessId process, const Address& endpoint, bool to_endpoint, const Message& message) override {
    if (!to_endpoint || process != driver_ || endpoint != Address::Application() || client_ == nullptr) return;
    if (message.kind() == MessageKind::kObjectsReady || message.kind() == MessageKind::kWaitReply)
      client_->OnMessage(message.Clone());
  }
  void OnTrace(ProcessId process, const TraceEvent& event) override {
    if (event.kind == TraceKind::kTaskFinished && process == driver_ && client_ != nullptr) client_->OnTaskFinished();
  }
  bool OnExecute(ProcessId worker, const msg::ExecuteTask& task) override {
    ++executed_;
    Draft<msg::ExecuteTask> execute;
    execute->CopyFrom(task);
    const bool hangs = hang_ && task.attempt() == 0;
    if (hangs) return true;
    internal::RunningTask running;
    running.task = {WorkerId{task.spec().owner()}, task.spec().index()};
    running.attempt = task.attempt();
    running.execution = task.execution();
    cluster_.FinishTaskWith(worker, internal::ExecuteNow(std::move(execute), running, *client_).message);
    return true;
  }

  // First attempts run for ever from now on (until killed or interrupted).
  void HangTasks(bool hang) { hang_ = hang; }
  int executed() const { return executed_; }
  int posted(MessageKind kind) { return posted_[kind]; }
  Cluster& cluster() { return cluster_; }
  ProcessId driver() const { return driver_; }
  internal::Client& client() { return *client_; }

 private:
  static constexpr Time kFar{int64_t{3600} * 1'000'000'000};
  Cluster cluster_;
  ProcessId driver_ = kNoProcess;
  internal::Client* client_ = nullptr;
  bool hang_ = false;
  int executed_ = 0;
  std::map<MessageKind, int> posted_;
};

}  // namespace orrery::test
