#include "runtime/node_manager/worker_pool.h"

#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

const StateChart& WorkerPool::Chart() {
  constexpr auto kStarting = static_cast<uint8_t>(State::kStarting), kIdle = static_cast<uint8_t>(State::kIdle),
                 kLeased = static_cast<uint8_t>(State::kLeased), kExiting = static_cast<uint8_t>(State::kExiting),
                 kNone = StateChart::kNone;
  static const StateChart chart("Worker", {"Starting", "Idle", "Leased", "Exiting"},
                                {{kNone, kStarting, "StartProcess"},
                                 {kStarting, kIdle, "registered, nobody waits"},
                                 {kStarting, kLeased, "registered, a lease waits"},
                                 {kStarting, kExiting, "did not register in time, job ended"},
                                 {kIdle, kLeased, "a lease takes it"},
                                 {kIdle, kExiting, "idle for too long, job ended"},
                                 {kLeased, kIdle, "lease returned"},
                                 {kLeased, kLeased, "lease returned, the next takes it"},
                                 {kLeased, kExiting, "broken, owner gone, job ended"},
                                 {kExiting, kIdle, "would not leave: tasks that it owns are under way"},
                                 {kStarting, kNone, "process ended"},
                                 {kIdle, kNone, "process ended"},
                                 {kLeased, kNone, "process ended"},
                                 {kExiting, kNone, "process ended"}});
  return chart;
}

void WorkerPool::SetCommand(JobId job, const msg::WorkerCommand& command) {
  if (Finished(job)) return;
  JobPool& pool = jobs_[job];
  Draft<msg::StartProcess> start;
  start->set_job(job.value);
  start->mutable_command()->CopyFrom(command);
  pool.command = std::move(start);
  StartWorkers();
}

void WorkerPool::Pop(JobId job, LeaseId lease) {
  ORRERY_ASSERT(!Finished(job));
  JobPool& pool = jobs_[job];
  if (!pool.idle.empty()) return Assign(workers_.at(pool.idle.back()), lease);
  pool.waiting.push_back(lease);
  if (!pool.command) AskAbout(job);
  StartWorkers();
}

void WorkerPool::CancelWait(JobId job, LeaseId lease) {
  auto pool = jobs_.find(job);
  if (pool == jobs_.end()) return;
  auto& waiting = pool->second.waiting;
  if (auto it = std::find(waiting.begin(), waiting.end(), lease); it != waiting.end()) waiting.erase(it);
}

void WorkerPool::Release(WorkerId id, bool broken) {
  Worker& worker = workers_.at(id);
  worker.lease = {};
  if (worker.state == State::kExiting)
    return;  // killed when its owner could not be reached; the owner still returns it
  ORRERY_ASSERT(worker.state == State::kLeased);
  if (broken) return Kill(id);
  JobPool& pool = jobs_.at(worker.job);
  if (pool.waiting.empty()) return MakeIdle(worker);
  const LeaseId next = pool.waiting.front();
  pool.waiting.pop_front();
  Assign(worker, next);
}

void WorkerPool::Prestart(JobId job, int64_t count) {
  if (Finished(job)) return;
  JobPool& pool = jobs_[job];
  const int64_t usable = static_cast<int64_t>(pool.idle.size()) + pool.starting;
  pool.prestart = std::max<int64_t>(0, count - usable);
  if (pool.prestart > 0) StartWorkers();
}

void WorkerPool::Kill(WorkerId id) {
  Worker& worker = workers_.at(id);
  if (worker.state == State::kExiting && !worker.asked) return;
  BeginExit(worker);
  Draft<msg::KillProcess> kill;
  kill->set_worker(id.value);
  node_.env.Send(Address::Host(), std::move(kill));
  node_.env.SetTimer(node_.settings.worker_kill_grace, TimerKind::kKillGrace, id.value);
}

// No worker of this state is given to a lease any more.
void WorkerPool::BeginExit(Worker& worker) {
  worker.asked = false;
  if (worker.state == State::kExiting) return;
  if (worker.state == State::kIdle) RemoveIdle(worker);
  if (worker.state == State::kStarting) {
    --starting_;
    --jobs_.at(worker.job).starting;
    node_.env.CancelTimer(TimerKind::kWorkerRegister, worker.id.value);
  }
  Transition(node_.env, Chart(), worker.id.value, worker.state, State::kExiting);
}

void WorkerPool::KillJob(JobId job) {
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : workers_) {
    if (worker.job == job) ids.push_back(id);
  }
  for (WorkerId id : ids) Kill(id);
  node_.requests.Done({MessageKind::kGetJob, job.value, 0});
  jobs_.erase(job);
  if (!finished_.Insert(job, true).second) return;
  finished_order_.push_back(job);
  if (finished_order_.size() > kFinishedJobsKept) {
    finished_.Erase(finished_order_.front());
    finished_order_.pop_front();
  }
}

void WorkerPool::KillAll() {
  closed_ = true;
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : workers_) ids.push_back(id);
  for (WorkerId id : ids) Kill(id);
}

void WorkerPool::OnRegisterWorker(const Address& from, const msg::RegisterWorker& request) {
  auto it = workers_.find(WorkerId{request.worker()});
  Draft<msg::RegisterWorkerReply> reply;
  reply->set_worker(request.worker());
  reply->set_node(node_.id.value);
  ToProto(node_.options.gcs, reply->mutable_gcs());
  const bool expected = it != workers_.end() && it->second.state != State::kExiting;
  if (!expected) {
    reply->set_status(static_cast<uint32_t>(StatusCode::kNotFound));
    reply->set_message("this node manager did not start " + ToString(WorkerId{request.worker()}) + ", or gave it up");
    node_.env.Send(from, std::move(reply));
    return;
  }
  Worker& worker = it->second;
  reply->set_job(worker.job.value);
  node_.env.Send(from, std::move(reply));
  if (worker.state != State::kStarting) return;  // a repeated registration
  node_.env.CancelTimer(TimerKind::kWorkerRegister, worker.id.value);
  node_.env.Trace({.kind = TraceKind::kWorkerRegistered, .node = node_.id, .worker = worker.id});
  worker.address = from;
  worker.pid = request.pid();
  by_address_.Insert(from, worker.id);
  JobPool& pool = jobs_.at(worker.job);
  --starting_;
  --pool.starting;
  pool.failures = 0;
  if (pool.waiting.empty()) {
    MakeIdle(worker);
  } else {
    const LeaseId lease = pool.waiting.front();
    pool.waiting.pop_front();
    Assign(worker, lease);
  }
  StartWorkers();
}

void WorkerPool::OnProcessExited(const msg::ProcessExited& notice) {
  auto it = workers_.find(WorkerId{notice.worker()});
  if (it == workers_.end()) return;
  const Worker worker = it->second;
  std::string reason = notice.message();
  if (reason.empty()) {
    reason = notice.signal() != 0 ? "killed by signal " + std::to_string(notice.signal())
                                  : "exited with code " + std::to_string(notice.exit_code());
  }
  node_.env.Trace({.kind = TraceKind::kWorkerExited,
                   .node = node_.id,
                   .worker = worker.id,
                   .a = notice.exit_code(),
                   .b = notice.signal(),
                   .text = reason});
  if (worker.state == State::kIdle) RemoveIdle(worker);
  if (worker.state == State::kStarting) {
    --starting_;
    --jobs_.at(worker.job).starting;
    node_.env.CancelTimer(TimerKind::kWorkerRegister, worker.id.value);
  }
  node_.env.CancelTimer(TimerKind::kKillGrace, worker.id.value);
  if (worker.address) by_address_.Erase(worker.address);
  workers_.erase(it);
  if (worker.state == State::kStarting) StartFailed(worker.job, reason);
  if (worker.lease) listener_.OnWorkerGone(worker.lease, worker.id, reason);
  StartWorkers();
}

bool WorkerPool::OnGetJobReply(const msg::GetJobReply& reply) {
  const JobId job{reply.job()};
  if (!node_.requests.Done({MessageKind::kGetJob, job.value, 0})) return true;
  if (reply.status() == 0) SetCommand(job, reply.worker());
  return reply.status() == 0;
}

void WorkerPool::AskAbout(JobId job) {
  const RequestKey key{MessageKind::kGetJob, job.value, 0};
  if (node_.requests.Pending(key)) return;
  Draft<msg::GetJob> request;
  request->set_job(job.value);
  node_.requests.Send(key, node_.options.gcs, std::move(request));
}

void WorkerPool::AskAboutJobs() {
  for (const auto& [job, pool] : jobs_) AskAbout(job);
}

bool WorkerPool::OnPeerLost(const Address& peer) {
  const WorkerId* id = by_address_.Find(peer);
  if (id == nullptr) return false;
  BeginExit(workers_.at(*id));
  Draft<msg::KillProcess> kill;  // usually gone already; ProcessExited tells
  kill->set_worker(id->value);
  kill->set_force(true);
  node_.env.Send(Address::Host(), std::move(kill));
  return true;
}

void WorkerPool::OnRegisterTimeout(WorkerId id) {
  auto it = workers_.find(id);
  if (it == workers_.end() || it->second.state != State::kStarting) return;
  const JobId job = it->second.job;
  Kill(id);
  StartFailed(job, ToString(id) + " did not register in time");
}

void WorkerPool::OnKillGrace(WorkerId id) {
  auto it = workers_.find(id);
  if (it == workers_.end()) return;
  if (it->second.asked) {
    it->second.asked = false;
    return MakeIdle(it->second);
  }
  Draft<msg::KillProcess> kill;
  kill->set_worker(id.value);
  kill->set_force(true);
  node_.env.Send(Address::Host(), std::move(kill));
}

void WorkerPool::OnIdleReap() {
  reap_armed_ = false;
  const Time now = node_.env.Now();
  std::vector<WorkerId> old;
  for (const auto& [job, pool] : jobs_) {
    for (WorkerId id : pool.idle) {
      if (now - workers_.at(id).idle_since >= node_.settings.worker_idle_timeout) old.push_back(id);
    }
  }
  for (WorkerId id : old) {
    if (idle_ <= SoftLimit()) break;
    Worker& worker = workers_.at(id);
    BeginExit(worker);
    worker.asked = true;
    Draft<msg::ExitWorker> exit;
    exit->set_worker(id.value);
    exit->set_reason("idle");
    node_.env.Send(worker.address, std::move(exit));
    node_.env.SetTimer(node_.settings.worker_kill_grace, TimerKind::kKillGrace, id.value);
  }
  ArmReap();
}

void WorkerPool::Broadcast(const Message& message) {
  for (const auto& [id, worker] : workers_) {
    if (worker.address) node_.env.Send(worker.address, message.Clone());
  }
}

int64_t WorkerPool::SoftLimit() const {
  if (node_.settings.worker_soft_limit >= 0) return node_.settings.worker_soft_limit;
  return node_.options.total.Get(ResourceKind::kCpu).raw / FixedPoint::kUnit;
}

int64_t WorkerPool::StartupConcurrency() const {
  if (node_.settings.worker_startup_concurrency > 0) return node_.settings.worker_startup_concurrency;
  return std::max<int64_t>(1, node_.options.total.Get(ResourceKind::kCpu).raw / FixedPoint::kUnit);
}

void WorkerPool::StartWorkers() {
  if (closed_) return;
  for (auto& [job, pool] : jobs_) {
    if (!pool.command) continue;
    while (starting_ < StartupConcurrency()) {
      const bool waited_for = pool.starting < static_cast<int64_t>(pool.waiting.size());
      if (!waited_for && pool.prestart == 0) break;
      if (!waited_for) --pool.prestart;
      Start(job, pool);
    }
  }
}

void WorkerPool::Start(JobId job, JobPool& pool) {
  Worker worker;
  worker.id = NextWorkerId();
  worker.job = job;
  ++starting_;
  ++pool.starting;
  Message start = pool.command.Clone();
  start.As<msg::StartProcess>().set_worker(worker.id.value);
  node_.env.Trace({.kind = TraceKind::kWorkerStarting, .node = node_.id, .worker = worker.id});
  node_.env.Send(Address::Host(), std::move(start));
  node_.env.SetTimer(node_.settings.worker_register_timeout, TimerKind::kWorkerRegister, worker.id.value);
  workers_.emplace(worker.id, worker);
}

void WorkerPool::Assign(Worker& worker, LeaseId lease) {
  if (worker.state == State::kIdle) RemoveIdle(worker);
  Transition(node_.env, Chart(), worker.id.value, worker.state, State::kLeased);
  worker.lease = lease;
  listener_.OnWorkerReady(lease, worker.id, worker.address);
}

void WorkerPool::MakeIdle(Worker& worker) {
  Transition(node_.env, Chart(), worker.id.value, worker.state, State::kIdle);
  worker.idle_since = node_.env.Now();
  jobs_.at(worker.job).idle.push_back(worker.id);
  ++idle_;
  ArmReap();
}

void WorkerPool::RemoveIdle(const Worker& worker) {
  auto& idle = jobs_.at(worker.job).idle;
  idle.erase(std::find(idle.begin(), idle.end(), worker.id));
  --idle_;
}

void WorkerPool::StartFailed(JobId job, const std::string& reason) {
  auto entry = jobs_.find(job);
  if (entry == jobs_.end()) return;
  JobPool& pool = entry->second;
  if (++pool.failures < kMaxStartFailures) return;
  pool.failures = 0;
  pool.prestart = 0;
  const std::deque<LeaseId> waiting = std::move(pool.waiting);
  pool.waiting.clear();
  for (LeaseId lease : waiting) listener_.OnNoWorker(lease, "workers of " + ToString(job) + " do not start: " + reason);
}

void WorkerPool::ArmReap() {
  if (reap_armed_ || idle_ <= SoftLimit()) return;
  reap_armed_ = true;
  node_.env.SetTimer(node_.settings.worker_idle_timeout, TimerKind::kIdleReap, 0);
}

void WorkerPool::CheckInvariants() const {
  int64_t idle = 0, starting = 0;
  for (const auto& [id, worker] : workers_) {
    idle += worker.state == State::kIdle;
    starting += worker.state == State::kStarting;
    ORRERY_ASSERT((worker.state == State::kLeased) == static_cast<bool>(worker.lease) ||
                  worker.state == State::kExiting);
  }
  ORRERY_ASSERT(idle == idle_ && starting == starting_);
}

}  // namespace orrery
