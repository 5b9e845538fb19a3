#include "runtime/gcs/job_manager.h"

#include "runtime/messages/orrery.pb.h"

namespace orrery {

JobManager::Job& JobManager::Add(JobId id, Message registration) {
  const auto& request = registration.As<msg::RegisterJob>();
  Job job{id, WorkerId{request.driver()}, request.name(), request.pid(), true, 0, {request.priority()}, {}};
  if (request.weight() > 0) job.terms.weight = {request.weight()};
  if (job.driver) by_driver_.Insert(job.driver, id);
  shares_.SetTerms(id, job.terms);
  job.registration = std::move(registration);
  return jobs_.emplace(id, std::move(job)).first->second;
}

void JobManager::OnRegisterJob(const Address& from, Message message) {
  const auto& request = message.As<msg::RegisterJob>();
  const uint64_t request_id = request.request();
  const JobId* known = by_driver_.Find(WorkerId{request.driver()});
  const JobId id = known != nullptr ? *known : JobId{++last_id_};
  if (known == nullptr) {
    store_.PutCounter("last_job", last_id_);
    store_.Put(StateTable::kJobs, RowKey(id), request.SerializeAsString());
    const Job& job = Add(id, std::move(message));
    store_.Trace({.kind = TraceKind::kJobStarted, .worker = job.driver, .a = id.value, .text = job.name});
  }
  Draft<msg::RegisterJobReply> reply;
  reply->set_request(request_id);
  reply->set_job(id.value);
  store_.Send(from, std::move(reply));
}

void JobManager::RestoreJob(JobId job, Message registration) { Add(job, std::move(registration)); }

void JobManager::RestoreEnd(JobId job, uint64_t order, uint32_t status) {
  MarkFinished(jobs_.at(job), status);
  last_end_ = order;
}

JobId JobManager::AddDetached(JobId creator, const std::string& name) {
  Message registration = jobs_.at(creator).registration.Clone();
  auto& job = registration.As<msg::RegisterJob>();
  job.clear_driver();
  job.clear_pid();
  job.set_name(name);
  const JobId id{++last_id_};
  store_.PutCounter("last_job", last_id_);
  store_.Put(StateTable::kJobs, RowKey(id), job.SerializeAsString());
  store_.Trace({.kind = TraceKind::kJobStarted, .a = id.value, .text = name});
  Add(id, std::move(registration));
  return id;
}

void JobManager::OnGetJob(const Address& from, const msg::GetJob& request) {
  Draft<msg::GetJobReply> reply;
  reply->set_job(request.job());
  if (Job* job = Find(JobId{request.job()}); job != nullptr && job->running) {
    reply->mutable_worker()->CopyFrom(job->registration.As<msg::RegisterJob>().worker());
  } else {
    reply->set_status(static_cast<uint32_t>(StatusCode::kNotFound));
  }
  store_.Send(from, std::move(reply));
}

bool JobManager::Finish(JobId id, uint32_t status) {
  Job* job = Find(id);
  if (job == nullptr || !job->running) return false;
  MarkFinished(*job, status);
  store_.Trace({.kind = TraceKind::kJobFinished, .worker = job->driver, .a = id.value, .c = status});
  msg::StoredEnd end;
  end.set_order(++last_end_);
  end.set_status(status);
  store_.Put(StateTable::kFinishedJobs, RowKey(id), end.SerializeAsString());
  if (finished_.size() > kFinishedJobsKept) {
    const JobId oldest = finished_.front();
    finished_.erase(finished_.begin());
    by_driver_.Erase(jobs_.at(oldest).driver);
    jobs_.erase(oldest);
    store_.Erase(StateTable::kJobs, RowKey(oldest));
    store_.Erase(StateTable::kFinishedJobs, RowKey(oldest));
  }
  return true;
}

void JobManager::MarkFinished(Job& job, uint32_t status) {
  job.running = false;
  shares_.Forget(job.id);
  job.status = status;
  finished_.push_back(job.id);
}

std::vector<JobId> JobManager::RunningOn(NodeId node) const {
  std::vector<JobId> ids;
  for (const auto& [id, job] : jobs_) {
    if (job.running && job.driver.node() == node) ids.push_back(id);
  }
  return ids;
}

JobManager::Job* JobManager::Find(JobId job) {
  auto it = jobs_.find(job);
  return it == jobs_.end() ? nullptr : &it->second;
}

}  // namespace orrery
