// The worker's side of generators: items on their way to the task's owner, and when the next may be made.
#include <utility>

#include "runtime/core_worker/task_receiver.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

bool TaskReceiver::OnYieldItem(msg::YieldItem& item) {
  ORRERY_ASSERT(item.execution() > 0 && item.execution() <= executions_.size());
  Execution& run = *executions_[item.execution() - 1];
  ORRERY_ASSERT(run.phase == Phase::kExecuting && run.yield == 0 && item.item() == run.yielded + 1);
  run.yield = item.request();
  if (run.owner_gone || run.dropped) {
    objects_.client.Abandon({{{item.owner()}, item.index()}, item.item()});
    AnswerYield(run, {StatusCode::kCancelled, "nobody wants further items"});
    return false;
  }
  run.yielded = item.item();
  Draft<msg::ReportItem> report;
  report->set_owner(item.owner());
  report->set_index(item.index());
  report->set_attempt(run.task.push.As<msg::PushTask>().attempt());
  report->set_item(item.item());
  report->mutable_value()->swap(*item.mutable_value());
  if (item.size() > 0 || item.refs_size() > 0) {
    msg::StoredReturn* stored = report->mutable_stored();
    stored->set_position(item.item());
    stored->set_size(item.size());
    stored->mutable_refs()->Swap(item.mutable_refs());
    stored->set_node(core_.id.node().value);
    ToProto(core_.options.node_manager, stored->mutable_node_manager());
  }
  const ObjectId object{{{item.owner()}, item.index()}, item.item()};
  if (item.size() > 0 && !objects_.client.Seal(object)) {
    run.storing.insert(object);
    run.item = std::move(report);
    objects_.client.Create({object, run.task.from}, item.size(), StoreClient::Purpose::kResult);
    return false;
  }
  SendItem(run, std::move(report));
  return run.held_up;
}

// Only where nobody had written it: a former attempt of this task has.
void TaskReceiver::OnItemStored(Execution& run, const Status& status) {
  Message report = std::exchange(run.item, {});
  if (!status.ok() && status.code() != StatusCode::kAlreadyExists) return AnswerYield(run, status);
  SendItem(run, std::move(report));
  if (!std::exchange(run.held_up, false)) return;
  AnswerYield(run, Status::Ok());  // its next yield will wait: it was not counted as blocked
}

void TaskReceiver::SendItem(Execution& run, Message report) {
  const auto& body = report.As<msg::ReportItem>();
  if (body.stored().refs_size() > 0) {
    std::vector<ObjectReference> refs;
    for (const msg::RefProto& ref : body.stored().refs()) refs.push_back(FromProto(ref));
    objects_.references.AddHandoffs(refs);
    item_handoffs_[{run.task.from, {{body.owner()}, body.index()}, body.item()}] = std::move(refs);
  }
  core_.env.Send(run.task.from, std::move(report));
  run.held_up = !MayGoOn(run);
  if (!run.held_up) AnswerYield(run, Status::Ok());
}

bool TaskReceiver::MayGoOn(const Execution& run) const {
  return run.max_unconsumed == 0 || run.dropped || run.yielded < run.taken + uint64_t{run.max_unconsumed};
}

void TaskReceiver::AnswerYield(Execution& run, const Status& status) {
  Resume(run);
  Draft<msg::ItemYielded> answer;
  answer->set_request(std::exchange(run.yield, 0));
  answer->set_status(static_cast<uint32_t>(status.code()));
  answer->set_message(status.message());
  core_.env.Send(Address::Application(), std::move(answer));
}

void TaskReceiver::Resume(Execution& run) {
  if (std::exchange(run.held_up, false)) ++resumed_;
}

void TaskReceiver::OnStreamProgress(const Address& from, const msg::StreamProgress& progress) {
  const TaskId task{{progress.owner()}, progress.index()};
  if (const auto it = item_handoffs_.find({from, task, progress.received()}); it != item_handoffs_.end()) {
    const std::vector<ObjectReference> refs = std::move(it->second);
    item_handoffs_.erase(it);
    objects_.references.DropHandoffs(refs);
  }
  Execution* run = FindRunning(task);
  if (run == nullptr || run->task.from != from || run->task.push.As<msg::PushTask>().attempt() != progress.attempt())
    return;
  run->taken = std::max(run->taken, progress.taken());
  run->dropped |= progress.dropped();
  if (run->held_up && MayGoOn(*run)) AnswerYield(*run, Status::Ok());
}

}  // namespace orrery
