#include "runtime/node_manager/resource_reporter.h"

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "runtime/node_manager/bundle_manager.h"
#include "runtime/scheduling/node_resources.h"

namespace orrery {

void ResourceReporter::MarkChanged() {
  changed_ = true;
  if (armed_ || !node_.id) return;
  const Duration interval = node_.settings.resource_report_interval;
  const Duration since = node_.env.Now() - last_sent_;
  // A timer even when nothing need be awaited: several changes of one instant become one report.
  armed_ = true;
  const bool wait = sent_before_ && since < interval;
  node_.env.SetTimer(wait ? interval - since : Duration{}, TimerKind::kResourceReport, 0);
}

void ResourceReporter::Flush() {
  if (changed_ && node_.id) Send();
}

void ResourceReporter::OnTimer() {
  armed_ = false;
  Flush();
}

void ResourceReporter::Send() {
  changed_ = false;
  sent_before_ = true;
  last_sent_ = node_.env.Now();
  Draft<msg::ResourceReport> report;
  report->set_node(node_.id.value);
  report->set_version(++version_);
  report->set_queued_leases(queued_);
  report->set_running_leases(running_);
  report->set_keeps_objects(keeps_objects_);
  if (promised_ != nullptr && promised_->FitsIn(resources_.available())) {
    ResourceSet unpromised = resources_.available();
    unpromised -= *promised_;
    ToProto(unpromised, report->mutable_available());
  } else {
    ToProto(resources_.available(), report->mutable_available());
  }
  for (FixedPoint free : resources_.gpu_free()) report->add_gpu_free(free.raw);
  bundles_.Fill(*report);
  if (node_.gcs_places_all) FillJobs(*report);
  for (LeaseId lease : seen_) ToProto(lease, report->add_seen());
  seen_.clear();
  node_.env.Send(node_.options.gcs, std::move(report));
}

void ResourceReporter::FillJobs(msg::ResourceReport& report) const {
  std::map<JobId, JobUse> use = job_use_;
  bundles_.AddUse(use);
  for (const auto& [job, amounts] : use) {
    msg::JobUse* out = report.add_jobs();
    out->set_job(job.value);
    ToProto(amounts.all, out->mutable_amounts());
    ToProto(amounts.by_tasks, out->mutable_by_tasks());
  }
}

}  // namespace orrery
