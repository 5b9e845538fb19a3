#include "sim/platform/sim_driver.h"

#include <utility>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

SimDriver::SimDriver(SimEngine& engine, DriverHost& host, RunRecorder& recorder, std::unique_ptr<WorkloadSource> source,
                     int64_t default_retries)
    : engine_(engine),
      host_(host),
      recorder_(recorder),
      source_(std::move(source)),
      default_retries_(default_retries) {}

void SimDriver::Begin() {
  began_ = engine_.Now();
  source_->Begin(*this);
  MaybeDone();
}

void SimDriver::Close() {
  if (closed_ || !engine_.Alive(process_)) return;
  engine_.Deliver(process_, Address::Application(), Draft<msg::CloseDriver>());
}

void SimDriver::OnMessage(ProcessHandle, Message message) {
  switch (message.kind()) {
    case MessageKind::kDriverReady: {
      const auto& ready = message.As<msg::DriverReady>();
      if (ready.status() != 0) return OnProcessGone(process_);
      worker_ = WorkerId{ready.worker()};
      job_ = JobId{ready.job()};
      return host_.OnDriverReady();
    }
    case MessageKind::kTaskFinished:
      ++ended_;
      source_->OnTaskEnded(*this, message.As<msg::TaskFinished>().index() - 1);
      return MaybeDone();
    case MessageKind::kDriverClosed:
      // As a program's end does: the process is gone, its connections close.
      closed_ = true;
      engine_.Kill(process_);
      return host_.OnDriverDone();
    default: return;
  }
}

void SimDriver::OnProcessGone(ProcessHandle) {
  if (closed_) return;
  closed_ = done_ = killed_ = true;
  host_.OnDriverDone();
}

void SimDriver::OnEvent(uint64_t, uint64_t b) {
  if (closed_) return;
  source_->OnWake(*this, b);
  MaybeDone();
}

void SimDriver::Submit(PlannedTask task) {
  SchedulingRequest request{std::move(task.resources), std::move(task.strategy)};
  if (request.strategy.kind == SchedulingStrategy::Kind::kNodeAffinity) {
    request.strategy.affinity_node = host_.NodeOfIndex(request.strategy.affinity_node).value;
  }
  const TaskId id{worker_, task.number + 1};
  recorder_.DescribeTask({id, task.name, job_, request.resources.Get(ResourceKind::kCpu).value(),
                          request.resources.Get(ResourceKind::kGpu).value(), engine_.Now()});
  const uint32_t class_id = ClassOf(request);
  Draft<msg::SubmitTask> submit;
  msg::TaskSpec* spec = submit->mutable_spec();
  spec->set_owner(worker_.value);
  spec->set_index(id.index);
  spec->set_job(job_.value);
  spec->set_work_ns(task.work.ns);
  spec->set_memory_bytes(task.allocate_bytes);
  spec->set_num_returns(source_->ResultsUsed() ? 1 : 0);
  for (uint64_t number : task.after) {
    msg::TaskArg* arg = spec->add_args();
    arg->set_object_owner(worker_.value);
    arg->set_object_task(number + 1);
  }
  submit->set_class_id(class_id);
  submit->set_max_retries(static_cast<int32_t>(task.max_retries < 0 ? default_retries_ : task.max_retries));
  submit->set_notify(true);
  ++submitted_;
  engine_.Deliver(process_, Address::Application(), std::move(submit));
}

void SimDriver::WakeAt(Duration when, uint64_t id) {
  const Time at = began_ + when;
  engine_.At(at < engine_.Now() ? engine_.Now() : at, this, 0, id);
}

uint32_t SimDriver::ClassOf(const SchedulingRequest& request) {
  const auto [it, inserted] = classes_.emplace(request, static_cast<uint32_t>(classes_.size() + 1));
  if (inserted) {
    Draft<msg::DefineClass> define;
    define->set_class_id(it->second);
    ToProto(request, define->mutable_spec());
    engine_.Deliver(process_, Address::Application(), std::move(define));
  }
  return it->second;
}

void SimDriver::MaybeDone() {
  if (done_ || !source_->Exhausted() || ended_ != submitted_) return;
  done_ = true;
  Close();
}

}  // namespace orrery
