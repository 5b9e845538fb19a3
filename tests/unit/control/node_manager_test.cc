// A node manager alone, with a test that plays GCS, host, workers and owners: pool limits, and the ledger under random
// operations.
#include "runtime/node_manager/node_manager.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/recording_env.h"

namespace orrery::test {
namespace {

const Address kSelf{2000, 1}, kGcs{1, 0}, kDriver{3000, 1};
constexpr NodeId kNode{1};

Address WorkerAddress(uint64_t worker) { return {4000 + WorkerId{worker}.index(), 1}; }

class NodeManagerTest : public testing::Test {
 protected:
  void Begin(double cpus, Settings settings = {}, int64_t gpus = 0) {
    NodeOptions options;
    options.self = kSelf;
    options.gcs = Address{100, 0};
    options.total = ResourceSet::Cpu(cpus).Set(ResourceKind::kGpu, FixedPoint::Whole(gpus));
    node_ = std::make_unique<NodeManager>(env_, settings, options);
    node_->Start();
    Draft<msg::RegisterNodeReply> reply;
    reply->set_node(kNode.value);
    reply->set_places_all(places_all_);
    From(options.gcs, std::move(reply));
    Draft<msg::RegisterDriver> driver;
    From(kDriver, std::move(driver));
    Draft<msg::RegisterJobReply> job;
    job->set_request(WorkerId::Of(kNode, 1).value);
    job->set_job(1);
    From(options.gcs, std::move(job));
  }
  ~NodeManagerTest() override { Forget(); }

  void From(const Address& from, Message message) {
    node_->OnMessage(from, std::move(message));
    node_->CheckInvariants(true);
  }
  void Timer(TimerKind kind, uint64_t id = 0) {
    node_->OnTimer(kind, id);
    node_->CheckInvariants(true);
  }
  // These tests look at some effects only.
  void Forget() {
    for (int kind = 1; kind < static_cast<int>(MessageKind::kCount); ++kind)
      env_.TakeAll(static_cast<MessageKind>(kind));
    for (uint64_t id = 0; id < 200; ++id) {
      for (int kind = 0; kind < static_cast<int>(TimerKind::kCount); ++kind) {
        env_.CancelTimer(static_cast<TimerKind>(kind),
                         id == 0 ? 0 : WorkerId::Of(kNode, static_cast<uint32_t>(id)).value);
      }
    }
  }
  std::vector<uint64_t> Started() {
    std::vector<uint64_t> workers;
    for (auto& sent : env_.TakeAll(MessageKind::kStartProcess))
      workers.push_back(sent.message.As<msg::StartProcess>().worker());
    return workers;
  }
  std::vector<uint64_t> Killed() {
    std::vector<uint64_t> workers;
    for (auto& sent : env_.TakeAll(MessageKind::kKillProcess))
      workers.push_back(sent.message.As<msg::KillProcess>().worker());
    return workers;
  }
  void Register(uint64_t worker) {
    Draft<msg::RegisterWorker> request;
    request->set_worker(worker);
    From(WorkerAddress(worker), std::move(request));
  }
  void Exited(uint64_t worker) {
    Draft<msg::ProcessExited> notice;
    notice->set_worker(worker);
    notice->set_signal(9);
    From(Address::Host(), std::move(notice));
  }
  void Request(uint64_t index, const SchedulingRequest& spec, bool grant_or_reject = false, uint64_t backlog = 0) {
    Draft<msg::RequestLease> request;
    ToProto(LeaseId{WorkerId::Of(kNode, 1), index}, request->mutable_lease());
    ToProto(spec, request->mutable_spec());
    request->set_job(1);
    request->set_hop(1);
    request->set_backlog(backlog);
    request->set_grant_or_reject(grant_or_reject);
    From(kDriver, std::move(request));
  }
  void Request(uint64_t index, double cpus = 1) { Request(index, {ResourceSet::Cpu(cpus), {}}); }
  void Return(uint64_t index, uint64_t worker, bool broken = false) {
    Draft<msg::ReturnLease> request;
    ToProto(LeaseId{WorkerId::Of(kNode, 1), index}, request->mutable_lease());
    request->set_worker(worker);
    request->set_worker_broken(broken);
    From(kDriver, std::move(request));
  }
  std::vector<msg::LeaseReply> Replies() {
    std::vector<msg::LeaseReply> replies;
    for (auto& sent : env_.TakeAll(MessageKind::kLeaseReply))
      replies.push_back(std::move(sent.message.As<msg::LeaseReply>()));
    return replies;
  }

  // Leases 1 to n of one CPU each, granted in this order; their workers.
  std::vector<uint64_t> Grant(uint64_t n) {
    std::vector<uint64_t> workers;
    for (uint64_t i = 1; i <= n; ++i) Request(i, {ResourceSet::Cpu(1), {}}, true);
    for (uint64_t worker : Started()) Register(worker);
    for (const msg::LeaseReply& reply : Replies()) workers.push_back(reply.worker());
    return workers;
  }
  void Preempt(double cpus, uint32_t job = 1) {
    Draft<msg::PreemptLeases> request;
    ToProto(ResourceSet::Cpu(cpus), request->mutable_amounts());
    request->add_jobs(job);
    From(kGcs, std::move(request));
  }

  RecordingEnv env_;
  std::unique_ptr<NodeManager> node_;
  bool places_all_ = false;  // the GCS
};

TEST_F(NodeManagerTest, AsManyWorkersStartAtOnceAsTheNodeHasCpus) {
  Settings settings;
  settings.worker_startup_concurrency = 2;
  Begin(5, settings);
  const auto first = Started();
  EXPECT_EQ(first.size(), 2u);
  Register(first[0]);
  EXPECT_EQ(Started().size(), 1u);
  Register(first[1]);
  EXPECT_EQ(Started().size(), 1u);
  EXPECT_EQ(node_->workers().size(), 4u);
}

TEST_F(NodeManagerTest, PrestartBeginsAsManyAsWereAskedFor) {
  Begin(4);
  EXPECT_EQ(Started().size(), 4u);
}

TEST_F(NodeManagerTest, AReturnedWorkerIsTakenBeforeAProcessIsStarted) {
  Begin(1);
  const uint64_t worker = Started().at(0);
  Register(worker);
  for (uint64_t i = 1; i <= 5; ++i) Request(i);
  for (uint64_t i = 1; i < 5; ++i) Return(i, worker);
  EXPECT_TRUE(Started().empty());
  const auto replies = Replies();
  ASSERT_EQ(replies.size(), 5u);
  for (const auto& reply : replies) EXPECT_EQ(reply.worker(), worker);
}

TEST_F(NodeManagerTest, FiveFailedStartsFailTheWaitingLeases) {
  Begin(1);
  Request(1);
  for (int i = 0; i < 4; ++i) {
    Exited(Started().at(0));
    EXPECT_TRUE(Replies().empty());
  }
  Exited(Started().at(0));
  const auto replies = Replies();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].outcome(), msg::LeaseReply::FAILED);
  EXPECT_EQ(replies[0].status(), static_cast<uint32_t>(StatusCode::kWorkerDied));
  EXPECT_TRUE(Started().empty());
  EXPECT_EQ(node_->leases().resources().available(), ResourceSet::Cpu(1));
}

TEST_F(NodeManagerTest, AWorkerWhoseConnectionBrokeIsNotLeased) {
  Begin(1);
  const uint64_t worker = Started().at(0);
  Register(worker);
  node_->OnPeerLost(WorkerAddress(worker));
  EXPECT_EQ(Killed(), std::vector<uint64_t>{worker});
  Request(1);
  EXPECT_TRUE(Replies().empty());
  EXPECT_EQ(Started().size(), 1u);
}

// The owner's connection breaks, its worker is killed; the owner, alive after all, returns the lease.
TEST_F(NodeManagerTest, AReturnAfterTheWorkerWasKilledIsHarmless) {
  Begin(1);
  const uint64_t worker = Started().at(0);
  Register(worker);
  const Address owner{5000, 1};
  Draft<msg::RequestLease> request;
  const LeaseId lease{WorkerId::Of(NodeId{2}, 1), 1};
  ToProto(lease, request->mutable_lease());
  ToProto(SchedulingRequest{ResourceSet::Cpu(1), {}}, request->mutable_spec());
  request->set_job(1);
  From(owner, std::move(request));
  node_->OnPeerLost(owner);
  EXPECT_EQ(Killed(), std::vector<uint64_t>{worker});
  Draft<msg::ReturnLease> back;
  ToProto(lease, back->mutable_lease());
  back->set_worker(worker);
  From(owner, std::move(back));
  Exited(worker);
  EXPECT_TRUE(env_.TakeAll(MessageKind::kWorkerFailed).empty());
  EXPECT_EQ(node_->leases().resources().available(), ResourceSet::Cpu(1));
}

TEST_F(NodeManagerTest, WhereTheGcsPlacesAllNothingIsGrantedWithoutIt) {
  places_all_ = true;
  Begin(2);
  for (uint64_t worker : Started()) Register(worker);
  Request(1);
  EXPECT_TRUE(Replies().empty());
  const auto asked = env_.TakeAll(MessageKind::kPickNode);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].message.As<msg::PickNode>().job(), 1u);
  Draft<msg::PickNodeReply> here;
  here->mutable_lease()->CopyFrom(asked[0].message.As<msg::PickNode>().lease());
  here->set_node(kNode.value);
  From(kGcs, std::move(here));
  EXPECT_EQ(Replies().at(0).outcome(), msg::LeaseReply::GRANTED);
  env_.TakeAll(MessageKind::kResourceReport);
  Timer(TimerKind::kResourceReport);
  const auto reports = env_.TakeAll(MessageKind::kResourceReport);
  const auto& jobs = reports.back().message.As<msg::ResourceReport>().jobs();
  ASSERT_EQ(jobs.size(), 1);
  EXPECT_EQ(FromProto(jobs[0].amounts()), ResourceSet::Cpu(1));
  EXPECT_EQ(FromProto(jobs[0].by_tasks()), ResourceSet::Cpu(1));
}

TEST_F(NodeManagerTest, PreemptionEndsTheYoungestAndNoMoreThanIsNeeded) {
  Begin(4);
  const auto workers = Grant(4);
  ASSERT_EQ(workers.size(), 4u);
  Preempt(2);
  EXPECT_EQ(Killed(), (std::vector<uint64_t>{workers[3], workers[2]}));
  const auto failed = env_.TakeAll(MessageKind::kWorkerFailed);
  ASSERT_EQ(failed.size(), 2u);
  EXPECT_EQ(failed[0].message.As<msg::WorkerFailed>().status(), static_cast<uint32_t>(StatusCode::kPreempted));
  Preempt(2);  // once more, while their processes end
  EXPECT_TRUE(Killed().empty());
  Exited(workers[3]);
  Exited(workers[2]);
  Preempt(2);
  EXPECT_TRUE(Killed().empty());
  EXPECT_EQ(node_->leases().resources().available(), ResourceSet::Cpu(2));
}

TEST_F(NodeManagerTest, NobodyEndsForNothing) {
  Begin(2);
  const auto workers = Grant(2);
  Preempt(3);
  Preempt(1, 7);  // a job that has nothing here
  EXPECT_TRUE(Killed().empty());
  Draft<msg::WorkerBlocked> blocked;  // its CPU is free already
  blocked->set_worker(workers[1]);
  blocked->set_blocked(true);
  From(WorkerAddress(workers[1]), std::move(blocked));
  Preempt(2);
  EXPECT_EQ(Killed(), std::vector<uint64_t>{workers[0]});
}

TEST_F(NodeManagerTest, AnEndedJobGetsNoLeases) {
  Begin(1);
  Draft<msg::JobFinished> finished;
  finished->set_job(1);
  From(kGcs, std::move(finished));
  Request(1);
  EXPECT_EQ(Replies().at(0).outcome(), msg::LeaseReply::FAILED);
}

TEST_F(NodeManagerTest, ANodeThatStopsStartsNothing) {
  Begin(2);
  for (uint64_t worker : Started()) Register(worker);
  From(kGcs, Draft<msg::Shutdown>());
  const auto killed = Killed();
  EXPECT_EQ(killed.size(), 2u);
  Request(1);
  for (uint64_t worker : killed) Exited(worker);
  EXPECT_TRUE(Started().empty());
  EXPECT_EQ(env_.TakeAll(MessageKind::kExit).size(), 1u);
}

TEST_F(NodeManagerTest, TheTimeWithoutGcsCountsFromTheFirstLoss) {
  Begin(1);
  const Address gcs{100, 0};
  node_->OnPeerLost(gcs);
  env_.Advance(Duration::Seconds(20));
  node_->OnPeerLost(gcs);
  EXPECT_EQ(env_.TimerIn(TimerKind::kGcsReconnect, 0)->ns, Duration::Seconds(40).ns);
  Draft<msg::RegisterNodeReply> reply;
  reply->set_node(kNode.value);
  From(gcs, std::move(reply));
  EXPECT_FALSE(env_.TimerIn(TimerKind::kGcsReconnect, 0).has_value());
}

// The owner side, the host and the GCS do random but possible things; granted + free = capacity is asserted after each.
class RandomOperations : public NodeManagerTest {
 protected:
  explicit RandomOperations() : random_(0) {}
  void Run(uint64_t seed) {
    random_ = Random(seed);
    Settings settings;
    settings.worker_soft_limit = random_.Chance(0.5) ? 0 : -1;
    Begin(1.0 + static_cast<double>(random_.Below(8)), settings, static_cast<int64_t>(random_.Below(3)));
    for (int step = 0; step < 300; ++step) {
      Observe();
      Step();
    }
    EndAll();
  }

 private:
  struct Grant {
    uint64_t worker = 0;
    bool blocked = false;
  };
  void Observe() {
    for (uint64_t worker : Started()) starting_.insert(worker);
    for (uint64_t worker : Killed()) {
      starting_.erase(worker);
      idle_or_leased_.erase(worker);
      dying_.insert(worker);
    }
    for (const msg::LeaseReply& reply : Replies()) {
      waiting_.erase(reply.lease().index());
      if (reply.outcome() == msg::LeaseReply::GRANTED && !ended_.contains(reply.lease().index())) {
        granted_[reply.lease().index()] = {reply.worker(), false};
      }
    }
    for (auto& sent : env_.TakeAll(MessageKind::kWorkerFailed))
      End(sent.message.As<msg::WorkerFailed>().lease().index());
    for (auto& sent : env_.TakeAll(MessageKind::kPickNode))
      asked_.insert(FromProto(sent.message.As<msg::PickNode>().lease()).index);
  }
  void End(uint64_t index) {
    granted_.erase(index);
    ended_.insert(index);
  }
  template <class Set>
  auto Any(const Set& set) {
    auto it = set.begin();
    std::advance(it, static_cast<int64_t>(random_.Below(set.size())));
    return *it;
  }
  void Answer(uint64_t index) {
    Draft<msg::PickNodeReply> reply;
    ToProto(LeaseId{WorkerId::Of(kNode, 1), index}, reply->mutable_lease());
    if (random_.Chance(0.1))
      reply->set_status(static_cast<uint32_t>(StatusCode::kInfeasible));
    else
      reply->set_node(random_.Chance(0.7) ? kNode.value : 2);
    From(Address{100, 0}, std::move(reply));
  }
  void Step() {
    switch (random_.Below(9)) {
      case 0:
      case 1: {
        SchedulingRequest spec{ResourceSet::Cpu(random_.Chance(0.3) ? 0.5 : static_cast<double>(random_.Below(3))), {}};
        if (random_.Chance(0.2))
          spec.resources.Set(ResourceKind::kGpu, FixedPoint::Milli(random_.Chance(0.5) ? 500 : 1000));
        if (random_.Chance(0.1)) spec.strategy.kind = SchedulingStrategy::Kind::kSpread;
        waiting_.insert(++last_);
        return Request(last_, spec, random_.Chance(0.3), random_.Below(4));
      }
      case 2:
        if (!starting_.empty()) {
          const uint64_t worker = Any(starting_);
          starting_.erase(worker);
          idle_or_leased_.insert(worker);
          Register(worker);
        }
        return;
      case 3:
        if (!granted_.empty()) {
          const auto [index, grant] = Any(granted_);
          End(index);
          Return(index, grant.worker, random_.Chance(0.1));
        }
        return;
      case 4:
        if (!asked_.empty()) {
          const uint64_t index = Any(asked_);
          asked_.erase(index);
          Answer(index);
        }
        return;
      case 5:
        if (!granted_.empty()) {
          auto [index, grant] = Any(granted_);
          granted_[index].blocked = !grant.blocked;
          Block(grant.worker, !grant.blocked);
        }
        return;
      case 6:
        if (!dying_.empty()) {
          const uint64_t worker = Any(dying_);
          dying_.erase(worker);
          Exited(worker);
        }
        return;
      case 7:
        if (!idle_or_leased_.empty() && random_.Chance(0.2)) {
          const uint64_t worker = Any(idle_or_leased_);
          idle_or_leased_.erase(worker);
          Exited(worker);
        }
        return;
      default:
        if (!waiting_.empty()) Cancel(Any(waiting_));
        return;
    }
  }
  void Block(uint64_t worker, bool blocked) {
    Draft<msg::WorkerBlocked> notice;
    notice->set_worker(worker);
    notice->set_blocked(blocked);
    From(WorkerAddress(worker), std::move(notice));
  }
  void Cancel(uint64_t index) {
    Draft<msg::CancelLease> cancel;
    ToProto(LeaseId{WorkerId::Of(kNode, 1), index}, cancel->mutable_lease());
    cancel->set_hop(1);
    From(kDriver, std::move(cancel));
  }
  // The driver goes: everything ends with its processes.
  void EndAll() {
    node_->OnPeerLost(kDriver);
    for (int round = 0; round < 3; ++round) {
      Observe();
      for (uint64_t worker : std::set<uint64_t>(dying_)) Exited(worker);
      dying_.clear();
    }
    EXPECT_EQ(node_->leases().granted() + node_->leases().queued(), 0u);
    EXPECT_EQ(node_->workers().size(), 0u);
    EXPECT_EQ(node_->leases().resources().available(), node_->leases().resources().total());
    Forget();
  }

  Random random_;
  std::set<uint64_t> starting_, idle_or_leased_, dying_, waiting_, asked_, ended_;
  std::map<uint64_t, Grant> granted_;
  uint64_t last_ = 0;
};

class RandomOperationsTest : public RandomOperations, public testing::WithParamInterface<uint64_t> {};

TEST_P(RandomOperationsTest, GrantedAndFreeAreTheCapacityAfterEachEvent) { Run(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Seeds, RandomOperationsTest, testing::Range<uint64_t>(1, 101));

}  // namespace
}  // namespace orrery::test
