#include "runtime/gcs/job_manager.h"

#include "runtime/messages/orrery.pb.h"

namespace orrery {

void JobManager::OnRegisterJob(const Address& from, Message message) {
  const auto& request = message.As<msg::RegisterJob>();
  const WorkerId driver{request.driver()};
  const uint64_t request_id = request.request();
  const auto [id, inserted] = by_driver_.Insert(driver, JobId{last_id_ + 1});
  const JobId job_id = *id;
  if (inserted) {
    ++last_id_;
    Job job{job_id, driver, request.name(), request.pid(), true, 0, {}};
    env_.Trace({.kind = TraceKind::kJobStarted, .worker = driver, .a = job_id.value, .text = job.name});
    job.registration = std::move(message);
    jobs_.emplace(job_id, std::move(job));
  }
  Draft<msg::RegisterJobReply> reply;
  reply->set_request(request_id);
  reply->set_job(job_id.value);
  env_.Send(from, std::move(reply));
}

void JobManager::OnGetJob(const Address& from, const msg::GetJob& request) {
  Draft<msg::GetJobReply> reply;
  reply->set_job(request.job());
  if (Job* job = Find(JobId{request.job()}); job != nullptr && job->running) {
    reply->mutable_worker()->CopyFrom(job->registration.As<msg::RegisterJob>().worker());
  } else {
    reply->set_status(static_cast<uint32_t>(StatusCode::kNotFound));
  }
  env_.Send(from, std::move(reply));
}

bool JobManager::Finish(JobId id, uint32_t status) {
  Job* job = Find(id);
  if (job == nullptr || !job->running) return false;
  job->running = false;
  job->status = status;
  env_.Trace({.kind = TraceKind::kJobFinished, .worker = job->driver, .a = id.value, .c = status});
  finished_.push_back(id);
  if (finished_.size() > kFinishedJobsKept) {
    const JobId oldest = finished_.front();
    finished_.erase(finished_.begin());
    by_driver_.Erase(jobs_.at(oldest).driver);
    jobs_.erase(oldest);
  }
  return true;
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
