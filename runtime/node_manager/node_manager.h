// The daemon of one node: registers with the GCS, serves leases, keeps the worker pool. (Ray's raylet.)
#pragma once

#include <map>
#include <string>

#include "runtime/env/env.h"
#include "runtime/messages/message.h"
#include "runtime/node_manager/lease_manager.h"
#include "runtime/node_manager/node_context.h"
#include "runtime/node_manager/worker_pool.h"
#include "runtime/object_store/object_store.h"

namespace orrery {

class NodeManager final : public StateMachine {
 public:
  // `settings` and `options` are copied; `env` outlives the node manager.
  NodeManager(Env& env, Settings settings, NodeOptions options);

  void Start() override;
  void OnMessage(const Address& from, Message message) override;
  void OnTimer(TimerKind kind, uint64_t id) override;
  void OnPeerLost(const Address& peer) override;
  void CheckInvariants(bool full) const override;

  NodeId id() const { return node_.id; }
  const LeaseManager& leases() const { return leases_; }
  const WorkerPool& workers() const { return workers_; }
  const ObjectStore& store() const { return store_; }
  size_t pending_requests() const { return node_.requests.size(); }

 private:
  struct Driver {
    WorkerId id;
    JobId job;        // 0 until the GCS has named it
    Message request;  // its RegisterDriver
  };

  void Handle(const Address& from, Message message);
  bool KnowsOwner(WorkerId owner) const;
  void Register();
  void OnRegisterNodeReply(const msg::RegisterNodeReply& reply);
  void OnHealthCheck(const Address& from, const msg::HealthCheck& check);
  void OnNodeDied(const msg::NodeDied& notice, const Message& message);
  void OnRegisterDriver(const Address& from, Message message);
  void OnRegisterJobReply(const msg::RegisterJobReply& reply);
  void AnswerDriver(const Address& address, const Driver& driver);
  void OnFinishDriver(const Address& from, const msg::FinishDriver& request);
  void OnDriverLost(const Address& driver, uint32_t status);
  void FinishJob(JobId job, uint32_t status);
  void OnDrainNode(const Address& from, const msg::DrainNode& request);
  bool Busy() const;
  // After every event: reports whether objects are kept; ends a draining node that has nothing left to do.
  void Settle();
  void ShutDown(const std::string& reason, int code);
  void MaybeExit();

  NodeContext node_;
  ObjectStore store_;
  WorkerPool workers_;
  LeaseManager leases_;
  std::map<Address, Driver> drivers_;
  std::map<WorkerId, Address> driver_address_;
  std::vector<std::pair<Address, Message>> before_registration_;  // what came before the node had an id
  bool keeps_objects_ = false;  // as last reported
  bool draining_ = false;
  bool stopping_ = false;
  bool gcs_lost_ = false;  // kGcsReconnect is set
  int exit_code_ = 0;
  std::string stop_reason_;
};

}  // namespace orrery
